"""The table `[shops.<name>.api]`: with which credentials the platform's own list of orders is read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from marshmallow import Schema, post_load, validate
from marshmallow import fields as kinds

from webhook_app.config import network
from webhook_app.config.validators import validate_http_url

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS = ("repair_webhooks",)
_WRITTEN = validate.Regexp(r"\s*\S", error="is empty")


@dataclass(frozen=True, slots=True)
class ShopApi:
    """Address and credentials of a shop's API; which of them are set depends on the platform.

    `repair_webhooks`: a reconciliation enables webhooks again that the platform disabled.
    """

    url: str
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    repair_webhooks: bool = False

    @property
    def is_encrypted(self) -> bool:
        """Whether the address begins with https."""
        return urlsplit(self.url).scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether the address is one of this machine."""
        return network.is_loopback(self.url)

    def problem(self, choices: Sequence[tuple[str, ...]], platform: str) -> str:
        """Return why none of the sets of keys that a platform takes is given, "" if one is."""
        if not choices:
            return f"{platform} has no API that is read: remove this table"
        given = {one.name for one in fields(self) if getattr(self, one.name)} - set(OPTIONS)
        optional = {"client_secret"} if "client_id" in given else set()
        if any(set(choice) in (given, given - optional) for choice in choices):
            return ""
        return f"{platform} needs {', or '.join(' and '.join(choice) for choice in choices)}, and nothing else"


class ApiSchema(Schema):
    """The keys of the table."""

    url = kinds.String(required=True, validate=validate_http_url)
    key = kinds.String(load_default="", validate=_WRITTEN)
    secret = kinds.String(load_default="", validate=_WRITTEN)
    client_id = kinds.String(load_default="", validate=_WRITTEN)
    client_secret = kinds.String(load_default="", validate=_WRITTEN)
    token = kinds.String(load_default="", validate=_WRITTEN)
    repair_webhooks = kinds.Boolean(load_default=False, truthy={True}, falsy={False})

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> ShopApi:
        """Return the value of the table."""
        return ShopApi(**loaded | {"url": loaded["url"].rstrip("/")})
