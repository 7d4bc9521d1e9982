"""One thing that may have happened to a request or a secret, undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """`value` is how it would have been; `text` tells what happened, `advice` what to do about it.

    Both are whole sentences that hold neither a secret nor anything of a body.
    """

    value: T
    text: str
    advice: str
