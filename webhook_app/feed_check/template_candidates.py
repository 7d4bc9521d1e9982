"""Candidates for a shop's product-key template: those of known shop systems, and the shop's own."""

from __future__ import annotations

import re
from itertools import permutations
from typing import TYPE_CHECKING

from webhook_app.config import product_key_template

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from webhook_app.config.product_key_template import Template
    from webhook_app.config.shops import Shop

IDS = ("product_id", "variant_id", "sku")
SEPARATORS = ("", "-", "_")
MOST_CONSTANTS = 4  # of the shop that are tried together
TOKEN = re.compile(r"[A-Za-z0-9]+")


def candidates(shop: Shop, lines: Iterable[Mapping[str, str]]) -> list[Template]:
    """Return the templates to try on `lines`, the shop's own first."""
    known = {name for line in lines for name in line}
    texts = dict.fromkeys([shop.product_key.text, *_texts([*shop.constants][:MOST_CONSTANTS])])
    found = [shop.product_key]
    for text in [*texts][1:]:
        fields = product_key_template.fields_in(text)
        if fields <= known:
            found.append(product_key_template.parse(text, known))
    return found


def literal(text: str) -> str:
    """Escape `text` for use in a template."""
    return text.replace("{", "{{").replace("}", "}}")


def places(item_id: str, values: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each of `values` at the start, end or between separators of an id: text before, value, text after."""
    size = len(item_id)
    for cut in range(size):
        if item_id[cut:] in values:
            yield item_id[:cut], item_id[cut:], ""
        if cut and item_id[:cut] in values:
            yield "", item_id[:cut], item_id[cut:]
    for token in TOKEN.finditer(item_id):
        if token.start() and token.end() < size and token[0] in values:
            yield item_id[: token.start()], token[0], item_id[token.end() :]


def _texts(constants: list[str]) -> Iterator[str]:
    """Yield templates as text; Magento uses 1{store:04d}{id}, others join market, locale and id."""
    for field in IDS:
        one = f"{{{field}}}"
        yield one
        for name in constants:
            yield f"1{{{name}:04d}}{one}"
        for parts in _joined([*constants, "locale"], one):
            for separator in SEPARATORS:
                yield separator.join(parts)
    for first, second in permutations(IDS, 2):
        for separator in SEPARATORS:
            yield f"{{{first}}}{separator}{{{second}}}"


def _joined(names: list[str], one: str) -> Iterator[list[str]]:
    for name in names:
        yield [f"{{{name}}}", one]
        yield [one, f"{{{name}}}"]
    for first, second in permutations(names, 2):
        yield [f"{{{first}}}", f"{{{second}}}", one]
