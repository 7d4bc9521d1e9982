"""Words of platforms in any spelling: capitals, other separators, prefixed, or doubled by a proxy."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from marshmallow import ValidationError

from schemas.tolerant import Tolerant

LONGEST_STATUS = 64
SEPARATORS = re.compile(r"[\s_./:-]+")
WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
SPELLINGS = {"canceled": "cancelled", "onhold": "on-hold", "pending-payment": "pending"}


def once(text: str) -> str:
    """Return the value of a text that was doubled, such as `paid, paid`; any other text unchanged."""
    values = {value.strip() for value in text.split(",") if value.strip()}
    return values.pop() if len(values) == 1 else text.strip()


def hyphenated(text: str) -> str:
    """Return the words of `text` in lower case, with hyphens in between: `PARTIALLY_PAID` is `partially-paid`."""
    words = text if text.isupper() else WORD_BREAK.sub("-", text)
    return SEPARATORS.sub("-", words.lower()).strip("-")


class Status(Tolerant):
    """A status, as lower-case words with hyphens and without its `prefix`."""

    def __init__(self, *, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prefix = prefix

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if not isinstance(value, str) or len(value) > LONGEST_STATUS or not value.isprintable():
            raise ValidationError("is not a status")
        status = _status(value, self.prefix)
        if self.required and not status:
            raise ValidationError("is empty")
        return status


@lru_cache(maxsize=512)
def _status(text: str, prefix: str) -> str:
    status = hyphenated(once(text))
    while prefix and status.startswith(prefix):
        status = status.removeprefix(prefix)
    return SPELLINGS.get(status, status)
