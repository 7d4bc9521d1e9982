"""Fields of a shop's table with their own way to be written."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

from webhook_app.config import product_key_template
from webhook_app.platforms.address import normal_form

ADDRESS = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*(:[0-9]{1,5})?(/[\x21-\x7e]*)?")  # in normal form
# The two that a shop may rename per locale, for feeds that write nl where the platform sends nl-NL.
RENAMED = frozenset({"locale", "currency"})
LABEL = validate.Regexp(
    r"[\x21-\x7e]{1,100}\Z", error="expected the TWN-Source label: 1 to 100 visible ASCII characters"
)


class Addresses(fields.Field[tuple[str, ...]]):
    """One address of a shop or a list of them, in normal form."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> tuple[str, ...]:
        texts = value if isinstance(value, list) else [value]
        found = [normal_form(text) if isinstance(text, str) and len(text.split()) == 1 else "" for text in texts]
        if not found or not all(map(ADDRESS.fullmatch, found)):
            raise ValidationError('expected the shop\'s address, such as "acme.myshopify.com", or a list of them')
        return tuple(dict.fromkeys(found))


class Constants(fields.Dict):
    """The shop's own template fields: short texts or whole numbers, stored as text."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ValidationError("expected a table such as store = 1")
        if odd := [name for name, item in value.items() if type(item) not in (int, str)]:
            raise ValidationError({name: ["expected text or a whole number"] for name in odd})
        if taken := sorted(set(value) & (product_key_template.PLATFORM_FIELDS - RENAMED)):
            raise ValidationError({name: ["is set by the platform and cannot be overridden"] for name in taken})
        return {name: str(item) for name, item in value.items()}
