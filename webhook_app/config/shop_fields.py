"""Fields of a shop's table with their own way to be written."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import ValidationError, fields, validate

from webhook_app.config import product_key_template
from webhook_app.config.dropped_fields import PATH, DroppedFields
from webhook_app.config.validators import validate_alert_addresses
from webhook_app.platforms.address import normal_form

ADDRESS = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*(:[0-9]{1,5})?(/[\x21-\x7e]*)?")  # in normal form
# The two that a shop may rename per locale, for feeds that write nl where the platform sends nl-NL.
RENAMED = frozenset({"locale", "currency"})
LABEL = validate.Regexp(
    r"[\x21-\x7e]{1,100}\Z", error="expected the TWN-Source label: 1 to 100 visible ASCII characters"
)

ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
DURATION = re.compile(r"([0-9]{1,6}) ?([mhd])")
SECONDS = {"m": 60, "h": 3600, "d": 86_400}
# The Analytics API takes no timestamp and documents no greatest age: a purchase counts at the time it is sent, so one
# that is much older would distort what Tweakwise learns. Longer than any usual period for returns.
LONGEST_WAIT = 30 * 86_400  # seconds


class Addresses(fields.Field[tuple[str, ...]]):
    """One address of a shop or a list of them, in normal form."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> tuple[str, ...]:
        texts = value if isinstance(value, list) else [value]
        found = [normal_form(text) if isinstance(text, str) and len(text.split()) == 1 else "" for text in texts]
        if not found or not all(map(ADDRESS.fullmatch, found)):
            raise ValidationError('expected the shop\'s address, such as "acme.myshopify.com", or a list of them')
        return tuple(dict.fromkeys(found))


class AlertAddresses(fields.Field[tuple[str, ...]]):
    """One address for alerts or a list of them."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> tuple[str, ...]:
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            raise ValidationError("expected an address for alerts, or a list of them")
        for text in texts:
            validate_alert_addresses(text)
        return tuple(address for text in texts for address in text.split())


class Duration(fields.Field[float]):
    """How long to wait with a purchase, such as `14d`, `36h` or `90m`; in seconds, at most LONGEST_WAIT."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> float:
        matched = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if matched is None:
            raise ValidationError('expected a duration such as "14d", "36h" or "90m"')
        seconds = int(matched[1]) * SECONDS[matched[2]]
        if seconds > LONGEST_WAIT:
            days = LONGEST_WAIT // SECONDS["d"]
            raise ValidationError(
                f"longer than {days}d: Tweakwise takes no date, and would count the purchase as made when it is sent"
            )
        return float(seconds)


class TimeZone(fields.Field[str]):
    """The name of a time zone in the IANA database, such as `Europe/Amsterdam`."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if isinstance(value, str) and ZONE.fullmatch(value):
            try:
                return ZoneInfo(value).key
            except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
                pass
        close = get_close_matches(value, available_timezones(), 1, 0.5) if isinstance(value, str) else []
        meant = f"; is {close[0]} meant?" if close else ""
        raise ValidationError(f'expected the name of a time zone, such as "Europe/Amsterdam"{meant}')


class FieldPaths(fields.Field[DroppedFields]):
    """Names of fields that are removed from bodies, or paths with dots between names."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> DroppedFields:
        if not isinstance(value, list) or not all(isinstance(one, str) and PATH.fullmatch(one) for one in value):
            raise ValidationError('expected a list of names or paths, such as ["note", "billing.phone"]')
        return DroppedFields(tuple(dict.fromkeys(value)))


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
