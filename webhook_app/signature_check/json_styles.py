"""Writes JSON in every common style: a body that was parsed and written again had one of them when it was signed."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Number(str):
    """A number exactly as it was written: 10.50 must not become 10.5."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """The members of an object in their order, including repeated names."""


@dataclass(frozen=True, slots=True)
class Style:
    r"""One way to write JSON. `indent` is the indentation of a level, None where all is on one line.

    `escapes_unicode` writes \u00eb as PHP and Python do, `escapes_slashes` writes \/ as PHP does, `escapes_html`
    writes \u003c as Rails and Go do.
    """

    layout: str
    comma: str
    colon: str
    indent: str | None = None
    escapes_unicode: bool = False
    escapes_slashes: bool = False
    escapes_html: bool = False
    sorts: bool = False

    @property
    def description(self) -> str:
        """The style in words."""
        special = {
            "letters such as ë as \\u00eb": self.escapes_unicode,
            "slashes as \\/": self.escapes_slashes,
            "< > & as \\u003c": self.escapes_html,
            "keys sorted": self.sorts,
        }
        return ", ".join([self.layout, *(words for words, does in special.items() if does)])


LAYOUTS = (
    Style("without spaces", ",", ":"),
    Style("with a space after commas and colons", ", ", ": "),
    Style("indented by two spaces", ",", ": ", "  "),
    Style("indented by four spaces", ",", ": ", "    "),
    Style("indented by tabs", ",", ": ", "\t"),
)


def rewritten(body: bytes) -> Iterator[tuple[Style, bytes]]:
    """Yield `body` in every style that gives different bytes; nothing if it is not JSON."""
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_int=_Number, parse_float=_Number, object_pairs_hook=_Object)
        seen = {body}
        for style in _styles(value):
            written = _written(value, style, "\n").encode()
            if written not in seen:
                seen.add(written)
                yield style, written
    except (ValueError, RecursionError):
        return


def _styles(value: Any) -> Iterator[Style]:
    """Yield the combinations of options that can change how `value` is written."""
    plain = _written(value, LAYOUTS[0], "")
    either, no = (False, True), (False,)
    options = (
        no if plain.isascii() else either,
        either if "/" in plain else no,
        either if any(letter in plain for letter in "<>&") else no,
        either,
    )
    for layout, chosen in itertools.product(LAYOUTS, itertools.product(*options)):
        yield Style(layout.layout, layout.comma, layout.colon, layout.indent, *chosen)


def _written(value: Any, style: Style, line: str) -> str:
    """Return `value` as JSON; `line` is a line end with the indentation of the present level."""
    match value:
        case _Number():
            return str(value)
        case str():
            return _quoted(value, style)
        case _Object():
            members = sorted(value, key=lambda member: member[0]) if style.sorts else value
            inner = line + (style.indent or "")
            parts = [f"{_quoted(key, style)}{style.colon}{_written(item, style, inner)}" for key, item in members]
            return _block("{", parts, "}", style, line)
        case list():
            inner = line + (style.indent or "")
            return _block("[", [_written(item, style, inner) for item in value], "]", style, line)
        case _:
            return json.dumps(value)


def _block(opening: str, parts: list[str], closing: str, style: Style, line: str) -> str:
    if style.indent is None or not parts:
        return opening + style.comma.join(parts) + closing
    inner = line + style.indent
    return opening + inner + (style.comma + inner).join(parts) + line + closing


def _quoted(text: str, style: Style) -> str:
    quoted = json.dumps(text, ensure_ascii=style.escapes_unicode)
    if style.escapes_slashes:
        quoted = quoted.replace("/", "\\/")
    if style.escapes_html:
        quoted = quoted.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return quoted
