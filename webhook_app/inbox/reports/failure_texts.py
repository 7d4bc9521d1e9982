"""What failed deliveries have in common: the text of the failure without what differs from one to the next; pure."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.inbox.delivery import Row

LONGEST = 500  # characters that are compared
LEAST_VALUE = 4  # characters of a value of the call that is looked for in the answer
IDENTIFIER = re.compile(r"(?<![A-Za-z])[A-Za-z]*\d[A-Za-z0-9-]*")  # a number, or a word with one
PLACE = "#"


def signature(row: Row) -> str:
    """Return the signature of a failure: equal for deliveries that failed with one reason and one text."""
    return hashlib.sha256(f"{row.reason}\n{common_text(row)}".encode()).hexdigest()[:16]


def common_text(row: Row) -> str:
    """Return the text of a failure without numbers, and without the values of the call that an answer repeats."""
    text = (row.answer or row.detail)[:LONGEST]
    if row.answer and row.call:
        for value in sorted(_values(json.loads(row.call)), key=len, reverse=True):
            text = text.replace(value, PLACE)
    return " ".join(IDENTIFIER.sub(PLACE, text).split())


def _values(sent: Any) -> Iterator[str]:
    """Yield the texts and numbers of a call that are long enough to be recognised."""
    if isinstance(sent, dict):
        sent = list(sent.values())
    if isinstance(sent, list):
        for one in sent:
            yield from _values(one)
    elif not isinstance(sent, bool) and len(str(sent)) >= LEAST_VALUE:
        yield str(sent)
