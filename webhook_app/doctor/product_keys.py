"""Checks of product keys: does the template fit the last orders, and did its keys exist in the feed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from webhook_app.doctor.finding import Finding, Level, span
from webhook_app.feed_check import fields_of
from webhook_app.inbox import feed_check_results
from webhook_app.inbox.reports.recent import stored_bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.shops import Shop
    from webhook_app.doctor.finding import Subject
    from webhook_app.inbox.feed_check_results import FeedCheckResult

LAST = 100  # deliveries of a shop whose lines are tried
LEAST_SHARE = 0.95
RUN = "Run: python -m webhook_app match --feed <the product feed>"


def templates(subject: Subject) -> Iterator[Finding]:
    """Fill each shop's template for the lines of its last bodies that are still held."""
    for shop in subject.shops.values():
        lines = _lines(subject, shop)
        keys = [key for line in lines if (key := shop.product_key.fill(line))]
        yield _tried(shop, len(lines), keys)


def feeds(subject: Subject) -> Iterator[Finding]:
    """Tell what `match` found last."""
    found = feed_check_results.latest(subject.inbox)
    for shop in subject.shops.values():
        match = found.get(shop.name)
        if match is None or match.share is None:
            said = f"Whether the product keys of {shop.name} exist in the feed was not looked at yet."
            yield Finding("feed", Level.NOTE, said, RUN)
        else:
            yield _matched(shop, match, (subject.inbox.clock() - match.at) / 1000)


def _lines(subject: Subject, shop: Shop) -> list[dict[str, str]]:
    platform = subject.platforms[shop.platform]
    held = islice(stored_bodies(subject.inbox, shop.name), LAST)
    return [
        line for one in held if one.platform == shop.platform for line in fields_of(one.body, one.topic, platform, shop)
    ]


def _tried(shop: Shop, lines: int, keys: list[str]) -> Finding:
    template = shop.product_key.text
    if not lines:
        return Finding("product key", Level.NOTE, f"No order of {shop.name} is held to try {template} on.", "")
    said = f"{template} gives a key for {len(keys)} of the last {lines} order lines of {shop.name}"
    if not keys:
        todo = "Name a field in product_key that the orders have; the README's table of shops lists them."
        return Finding("product key", Level.WRONG, f"{said}.", todo)
    said = f"{said}, for example {keys[0]}."
    if len(keys) < lines:
        return Finding("product key", Level.WARNING, said, "Lines without a key are left out of the purchase.")
    return Finding("product key", Level.FINE, said)


def _matched(shop: Shop, match: FeedCheckResult, ago: float) -> Finding:
    said = f"{100 * (match.share or 0):.1f} % of {shop.name}'s product keys were in the feed {span(ago)} ago."
    if match.template != shop.product_key.text:
        return Finding("feed", Level.NOTE, f"{said} The template was another one then.", RUN)
    if (match.share or 0) >= LEAST_SHARE:
        return Finding("feed", Level.FINE, said)
    better = f'product_key = "{match.better.template}" would have matched better.' if match.better else RUN
    return Finding("feed", Level.WARNING, said, better)
