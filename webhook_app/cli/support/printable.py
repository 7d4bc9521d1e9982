"""Text from outside as it may be printed: without what a terminal would obey."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

# Control characters of ASCII and Latin-1 without tab and line feed, marks that reorder text, and what UTF-8 lacks.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LAST_OF_LATIN_1 = 0xFF
# What this program writes itself: colours, and what progress bars need.
OWN = re.compile(r"(\x1b\[(?:[0-9;]{0,12}m|K|\?25[lh])|\r)")


def printable(text: str) -> str:
    """Return a text in which such a character is written as an escape, as in Python."""
    return UNPRINTABLE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number <= LAST_OF_LATIN_1 else f"\\u{number:04x}"


class GuardedStream:
    """A terminal that gets no control characters but those of colours and progress bars, whatever is printed."""

    def __init__(self, stream: TextIO) -> None:
        """Everything but writing is the stream's."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text. Raises TypeError for bytes, as every text stream does."""
        pieces = OWN.split(text)
        return self._stream.write("".join(map(_piece, enumerate(pieces))))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _piece(numbered: tuple[int, str]) -> str:
    number, text = numbered
    return text if number % 2 else printable(text)


def guard_terminal() -> None:
    """Guard standard output and error where they are terminals."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and stream.isatty() and not isinstance(stream, GuardedStream):
            setattr(sys, name, cast("TextIO", GuardedStream(stream)))
