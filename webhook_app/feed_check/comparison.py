"""Compares the product keys of one shop with the ids of a feed, which are read one at a time."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from webhook_app.feed_check.template_candidates import candidates, literal, places
from webhook_app.inbox.shop_records.feed_check_results import FeedCheckResult, TemplateTrial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhook_app.config.shops import Shop

EXAMPLES = 10  # keys that are not in the feed
SHOWN = 5  # templates besides the shop's own
MOST_LINES = 2000  # different order lines on which templates are tried
# Prefixes that the feed's ids have before a known number; the least frequent are dropped when there are more.
MOST_PREFIXES = 20_000
# Different lines that must have a prefix before it is suggested: a single one may be chance.
FEWEST = 2

Prefix = tuple[str, str, str]  # text before the field, its name, text after it


class Comparison:
    """Holds the keys that were sent and those of other templates; add() is called with each id of the feed.

    Its size depends only on the shop, never on the feed.
    """

    def __init__(self, shop: Shop, sent: Counter[str], lines: Iterable[Mapping[str, str]]) -> None:
        """`sent` counts product keys; `lines` are the fields of order lines, newest first."""
        self._shop, self._sent = shop, sent
        self._missing = set(sent)
        different = {tuple(sorted(line.items())): line for line in lines}
        self._lines = list(different.values())[:MOST_LINES]
        self._templates = candidates(shop, self._lines)
        self._hits: list[set[int]] = [set() for _ in self._templates]
        self._wanted = self._filled()
        self._values = self._known_values()
        self._prefixes: dict[Prefix, set[int]] = {}

    def add(self, item_id: str) -> None:
        """Compare one id of the feed."""
        self._missing.discard(item_id)
        for template, line in self._wanted.pop(item_id, ()):
            self._hits[template].add(line)
        for before, value, after in places(item_id, self._values):
            if before or after:
                self._add_prefix(before, value, after)

    def result(self, feed: str, items: int, days: int, at: int) -> FeedCheckResult:
        """Return the result after the last id; `at` is in milliseconds since 1970 UTC."""
        missed = sorted(self._missing, key=lambda key: (-self._sent[key], key))
        return FeedCheckResult(
            shop=self._shop.name,
            at=at,
            feed=feed,
            items=items,
            days=days,
            template=self._shop.product_key.text,
            sent=self._sent.total(),
            sent_found=self._sent.total() - sum(self._sent[key] for key in missed),
            keys=len(self._sent),
            keys_found=len(self._sent) - len(missed),
            misses=tuple(missed[:EXAMPLES]),
            lines=len(self._lines),
            trials=self._trials(),
        )

    def _filled(self) -> dict[str, list[tuple[int, int]]]:
        """Return which template gives which key for which line, by key."""
        wanted = defaultdict(list)
        for number, template in enumerate(self._templates):
            for place, line in enumerate(self._lines):
                if key := template.fill(line):
                    wanted[key].append((number, place))
        return dict(wanted)

    def _known_values(self) -> dict[str, list[tuple[str, int]]]:
        """Return the lines and fields that have each value, for the fields that identify a product."""
        values = defaultdict(list)
        for place, line in enumerate(self._lines):
            for field in ("product_id", "variant_id", "sku"):
                if value := line.get(field):
                    values[value].append((field, place))
        return dict(values)

    def _add_prefix(self, before: str, value: str, after: str) -> None:
        for field, line in self._values[value]:
            self._prefixes.setdefault((before, field, after), set()).add(line)
        if len(self._prefixes) > MOST_PREFIXES:
            best = heapq.nlargest(MOST_PREFIXES // 4, self._prefixes.items(), key=lambda item: len(item[1]))
            self._prefixes = dict(best)

    def _trials(self) -> tuple[TemplateTrial, ...]:
        """Return the best templates by the lines they fit; a plain one comes before an equal learned one."""
        tried = [
            TemplateTrial(template.text, len(hits)) for template, hits in zip(self._templates, self._hits, strict=True)
        ]
        learned = [
            TemplateTrial(f"{literal(before)}{{{field}}}{literal(after)}", len(lines))
            for (before, field, after), lines in self._prefixes.items()
            if len(lines) >= min(FEWEST, len(self._lines))
        ]
        plain = sorted(tried[1:], key=lambda trial: (-trial.found, len(trial.template)))[:SHOWN]
        guessed = heapq.nsmallest(SHOWN, learned, key=lambda trial: (-trial.found, len(trial.template), trial.template))
        ranked = sorted([*tried[:1], *plain, *guessed], key=lambda trial: -trial.found)
        others = [trial for trial in ranked if trial.found and trial.template != tried[0].template][:SHOWN]
        return tuple(sorted([tried[0], *others], key=lambda trial: -trial.found))
