"""The mixin of fields that are not needed: an odd value counts as absent, so that it never refuses an order."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, missing


class Tolerant(fields.Field[Any]):
    """A field whose odd values count as absent, unless it is `required` or `strict`.

    `odd` is what such a value is loaded as, where that differs from an absent one.
    """

    def __init__(self, *args: Any, strict: bool = False, odd: Any = missing, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.strict, self.odd = strict, odd

    @property
    def tolerates(self) -> bool:
        """Whether an odd value counts as absent."""
        return not (self.required or self.strict)

    def in_place_of_odd(self) -> Any:
        """Return what an odd value is loaded as."""
        given = self.load_default if self.odd is missing else self.odd
        return given() if callable(given) else given

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the field's value, or what an odd one is loaded as; raises ValidationError where it is needed."""
        try:
            return super().deserialize(value, *args, **kwargs)
        except ValidationError:
            if not self.tolerates:
                raise
            return self.in_place_of_odd()


class Flag(Tolerant, fields.Boolean):
    """True or false, also as text or number."""


class Part(Tolerant, fields.Nested):
    """An object with a schema of its own."""
