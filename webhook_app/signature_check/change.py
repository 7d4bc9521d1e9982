"""One way to undo what may have happened to a request or a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """`value` is the original; `text` says what happened to it, `advice` what to do about it.

    Both are complete sentences without a secret and without anything of a body.
    """

    value: T
    text: str
    advice: str
