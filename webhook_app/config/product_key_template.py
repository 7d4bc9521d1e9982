"""Product keys: a shop's template over a fixed list of fields of an order line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING

from webhook_app.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# The fields that platforms provide for a line or its order; a shop adds its own.
PLATFORM_FIELDS = frozenset({"product_id", "variant_id", "sku", "locale", "currency"})
# Zero padding of a number is what store prefixes need (Magento: 1{store:04d}{product_id}).
NUMBER = re.compile(r"0[1-9][0-9]?d|d")
DIGITS = re.compile(r"[0-9]{1,128}")


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: pieces of literal text, each followed by a field and its number format, or neither."""

    text: str
    pieces: tuple[tuple[str, str | None, str], ...]

    @property
    def fields(self) -> frozenset[str]:
        """The names the template needs."""
        return frozenset(name for _, name, _ in self.pieces if name is not None)

    def fill(self, fields: Mapping[str, str]) -> str | None:
        """Return the key, or None when a field is missing or is not a number where a format needs one."""
        pieces = [_piece(literal, name, spec, fields) for literal, name, spec in self.pieces]
        filled = [piece for piece in pieces if piece is not None]
        return "".join(filled) if len(filled) == len(pieces) else None


def parse(text: str, known: Collection[str]) -> Template:
    """Read a template such as `1{store:04d}{product_id}`.

    Raises TemplateError for anything but plain fields of `known` with an optional number format.
    """
    try:
        pieces = tuple(_checked(*piece, known) for piece in Formatter().parse(text))
    except ValueError as error:
        raise TemplateError(f"is not a template: {error}") from None
    template = Template(text, pieces)
    if not template.fields:
        raise TemplateError("names no field, so every product would have the same key")
    return template


def fields_in(text: str) -> set[str]:
    """Return the names that a well-formed template needs."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _checked(
    literal: str, name: str | None, spec: str | None, conversion: str | None, known: Collection[str]
) -> tuple[str, str | None, str]:
    if name is None:
        return literal, None, ""
    if name not in known:
        raise TemplateError(f"has an unknown field {{{name}}}; known are {', '.join(sorted(known))}")
    if conversion or (spec and not NUMBER.fullmatch(spec)):
        raise TemplateError(f"formats {{{name}}} in a way other than a padded number such as {{{name}:04d}}")
    return literal, name, spec or ""


def _piece(literal: str, name: str | None, spec: str, fields: Mapping[str, str]) -> str | None:
    if name is None:
        return literal
    value = fields.get(name)
    if not value or (spec and not DIGITS.fullmatch(value)):
        return None
    return literal + (format(int(value), spec) if spec else value)
