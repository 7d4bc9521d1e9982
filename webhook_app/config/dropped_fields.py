"""Fields that are removed from a verified body before it is stored; the rest stays byte for byte."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Links with which anyone may see or pay an order: Shopware's deepLinkCode, WooCommerce's payment_url and order_key.
DEFAULT = ("deepLinkCode", "payment_url", "order_key")
PATH = re.compile(r"[A-Za-z0-9_-]{1,100}(?:\.[A-Za-z0-9_-]{1,100}){0,9}")
# Of JSON text as Latin-1, in which each byte is a character. Strings are not changed, so control characters may stay.
_DECODER = json.JSONDecoder(strict=False)
SPACE = " \t\r\n"
COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
# A letter, digit, - or _ as an escape. Platforms escape what HTML or ASCII lacks, never these.
ESCAPED_LETTER = re.compile(rb"\\u00(?:2[dD]|3[0-9]|[46][0-9a-fA-F]|[57][0-9aAfF])")


@dataclass(frozen=True, slots=True)
class DroppedFields:
    """Names of fields, at any depth; `a.b` is each b within an a."""

    paths: tuple[str, ...]
    _names: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare what every webhook is searched for."""
        object.__setattr__(self, "_names", tuple(path.rpartition(".")[2].encode() for path in self.paths))

    def removed_from(self, body: bytes) -> bytes:
        """Return the body without these fields; unchanged, and hardly read, where it has none of them.

        What is no JSON after such a name stays: it is no event either.
        """
        escapes = b"\\u00" in body and ESCAPED_LETTER.search(body) is not None
        if not escapes and not any(name in body for name in self._names):
            return body
        text = whole = body.decode("latin-1")
        for path in self.paths:
            text = _without(text, path.split("."), escapes=escapes)
        return body if text is whole else text.encode("latin-1")


def _without(text: str, path: list[str], *, escapes: bool) -> str:
    """Return a JSON text without the members that a path leads to, in one pass."""
    parts: list[str] = []
    position = 0
    for start, value in _members(text, path[0]) if not escapes else _escaped_members(text, path[0]):
        if start < position:
            continue  # within the one before
        end = _end_of_value(text, value)
        if end is None:
            return text
        if path[1:]:
            parts += [text[position:value], _without(text[value:end], path[1:], escapes=escapes)]
            position = end
            continue
        parts.append(text[position:start])
        position = _behind_comma(text, end)
        if position == end:  # it was the last member, so the comma before it goes
            _strip_comma(parts)
    return "".join([*parts, text[position:]]) if parts else text


def _members(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield where each member of a name begins, and where its value does.

    A quotation mark within a string has a backslash before it, so that nothing in a string looks like a member.
    """
    quoted = f'"{name}"'
    start = text.find(quoted)
    while start >= 0:
        after = start + len(quoted)
        value = COLON.match(text, after)
        if value and text[start - 1 : start] != "\\":
            yield start, value.end()
        start = text.find(quoted, after)


def _escaped_members(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield the same, where any character of a name may be written as an escape; this takes a hundred times longer."""
    letters = "".join(f"(?:{re.escape(sign)}|(?i:\\\\u{ord(sign):04x}))" for sign in name)
    for found in re.finditer(f'(?<!\\\\)"{letters}"[ \\t\\r\\n]*:[ \\t\\r\\n]*', text):
        yield found.span()


def _end_of_value(text: str, start: int) -> int | None:
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def _behind_comma(text: str, end: int) -> int:
    """Return where the next member begins, or `end` where there is none."""
    position = end
    while position < len(text) and text[position] in SPACE:
        position += 1
    return position + 1 if text[position : position + 1] == "," else end


def _strip_comma(parts: list[str]) -> None:
    """Remove a comma at the end of what is left so far."""
    while parts and not parts[-1].rstrip(SPACE):
        del parts[-1]
    if parts:
        parts[-1] = parts[-1].rstrip(SPACE).removesuffix(",")
