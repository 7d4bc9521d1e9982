"""What every platform's schema shares: unknown fields are ignored, a payload is read into a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import EXCLUDE, Schema, ValidationError

if TYPE_CHECKING:
    from schemas.events import Meaning


class PlatformSchema(Schema):
    """Reads one kind of payload. Hold an instance: building a schema costs more than using it."""

    class Meta:
        """Platforms add fields without asking."""

        unknown = EXCLUDE

    def read(self, payload: Any) -> Meaning:
        """Tell what `payload` (parsed JSON, numbers as int or Decimal) means.

        Raises marshmallow's ValidationError, whose messages name the path of a missing or odd field.
        """
        if not isinstance(payload, dict):
            raise ValidationError("the payload is not a JSON object")
        return self.meaning(self.load(payload))

    def meaning(self, loaded: dict[str, Any]) -> Meaning:
        """Turn the validated fields into an event or a reason; every platform's schema says how."""
        raise NotImplementedError


def present(**values: str | None) -> dict[str, str]:
    """Keep the values that say something: a template must not be filled with nothing."""
    return {name: value for name, value in values.items() if value}
