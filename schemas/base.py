"""What schemas share: they load in one plain pass; a platform's read a payload into a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

if TYPE_CHECKING:
    from schemas.events import Translation


class PlainSchema(Schema):
    """Loads one object at a time, in half of the time that marshmallow takes: field by field, and nothing else.

    So there are no hooks and no validators of the whole, and unknown fields are ignored; a test compares the two.
    Hold an instance: building a schema costs more than using it.
    """

    class Meta:
        """Platforms add fields without asking."""

        unknown = EXCLUDE

    def load(self, data: Any, **_options: Any) -> dict[str, Any]:
        """Return the validated fields of `data`; raises marshmallow's ValidationError with what is wrong by field."""
        if not isinstance(data, dict):
            raise ValidationError({"_schema": [self.error_messages["type"]]})
        loaded: dict[str, Any] = {}
        faults: dict[str, Any] = {}
        for name, field in self.load_fields.items():
            said = field.data_key or name
            value = data.get(said, missing)
            if value is None and field.allow_none:
                loaded[name] = None
                continue
            try:
                read = _read(field, value, said, data)
            except ValidationError as error:
                faults[said] = error.messages
            else:
                if read is not missing:
                    loaded[name] = read
        if faults:
            raise ValidationError(faults)
        return loaded


def _read(field: fields.Field[Any], value: Any, said: str, data: Any) -> Any:
    """Do what `field.deserialize` does, without asking the validators where there are none."""
    if value is missing or value is None or field.validators:
        return field.deserialize(value, said, data)
    return field._deserialize(value, said, data)  # noqa: SLF001 - what fields of one's own override


class PlatformSchema(PlainSchema):
    """Reads one kind of payload."""

    def translate(self, payload: Any) -> Translation:
        """Tell what `payload` (parsed JSON, numbers as int or Decimal) means.

        Raises marshmallow's ValidationError, whose messages name the path of a missing or odd field.
        """
        if not isinstance(payload, dict):
            raise ValidationError("the payload is not a JSON object")
        return self.to_event(self.load(payload))

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Turn the validated fields into an event or a reason; every platform's schema says how."""
        raise NotImplementedError


def present(**values: str | None) -> dict[str, str]:
    """Keep the values that say something: a template must not be filled with nothing."""
    return {name: value for name, value in values.items() if value}
