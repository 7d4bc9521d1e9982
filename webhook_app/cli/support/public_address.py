"""The receiver's public address as an option, to which the paths of webhook URLs are appended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from marshmallow import ValidationError

from webhook_app.config.validators import validate_http_url

if TYPE_CHECKING:
    from click import Context, Parameter

NOT_IN_IT = ("?", "#", "@", " ", "/webhooks/")


class PublicAddress(click.ParamType[str]):
    """An http(s) address without credentials, and without the path of a webhook URL. Has no slash at its end."""

    name = "address"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> str:
        """Check it, or fail with an example."""
        text = str(value).strip().rstrip("/")
        try:
            validate_http_url(text)
        except ValidationError:
            text = ""
        if not text or not text.isprintable() or any(one in text for one in NOT_IN_IT):
            self.fail("expected the address alone, such as https://events.example.com", param, ctx)
        return text
