"""The decorator of values that are made for every webhook and every delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["value"]

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:

    def value(*, frozen: bool, slots: bool) -> Any:
        """Return a decorator for a dataclass that is `frozen` for mypy alone, which refuses to change its fields.

        One that is frozen when the program runs takes about five times as long to make, since it sets each field with a
        call of object.__setattr__: that was 4 % of the processor time of a delivery.
        """
        return dataclass(slots=slots, unsafe_hash=frozen)
