"""Checks of product keys: whether the template fits recent orders, and whether its keys are in the product feed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from webhook_app.feed_check import fields_of
from webhook_app.formatting import duration, percent
from webhook_app.health.finding import Finding, Severity
from webhook_app.inbox.reports.recent import stored_bodies
from webhook_app.inbox.shop_records import feed_check_results

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.shops import Shop
    from webhook_app.doctor.context import CheckContext
    from webhook_app.inbox.shop_records.feed_check_results import FeedCheckResult

MOST_BODIES = 100  # recent deliveries of a shop whose order lines are tried
SUFFICIENT_SHARE = 0.95
RUN = "Run: python -m webhook_app match --feed <the product feed>"


def templates(context: CheckContext) -> Iterator[Finding]:
    """Fill each shop's template with the order lines of its most recent stored bodies."""
    for shop in context.shops.values():
        lines = _lines(context, shop)
        keys = [key for line in lines if (key := shop.product_key.fill(line))]
        yield _template_finding(shop, len(lines), keys)


def feeds(context: CheckContext) -> Iterator[Finding]:
    """Report the last result of `match`."""
    found = feed_check_results.latest(context.inbox)
    for shop in context.shops.values():
        match = found.get(shop.name)
        if match is None or match.share is None:
            text = f"The product keys of {shop.name} have not been compared with the product feed yet."
            summary = "the product keys have not been compared with the product feed yet"
            yield Finding("feed", Severity.INFO, text, RUN, shop.name, summary=summary)
        else:
            yield _feed_finding(shop, match, context.inbox.clock() - match.at)


def _lines(context: CheckContext, shop: Shop) -> list[dict[str, str]]:
    platform = context.platforms[shop.platform]
    stored = islice(stored_bodies(context.inbox, shop.name), MOST_BODIES)
    return [
        line
        for one in stored
        if one.platform == shop.platform
        for line in fields_of(one.body, one.topic, platform, shop)
    ]


def _template_finding(shop: Shop, lines: int, keys: list[str]) -> Finding:
    template = shop.product_key.text
    if not lines:
        text = f"No body of an order of {shop.name} is stored, so {template} could not be tried."
        summary = "no body of an order is stored, so the product key could not be tried"
        return Finding("product key", Severity.INFO, text, shop=shop.name, summary=summary)
    text = f"{template} gives a product key for {len(keys)} of the last {lines} order lines of {shop.name}"
    if not keys:
        advice = "Use fields in product_key that the orders have; docs/configuration.md lists them."
        return Finding("product key", Severity.ERROR, f"{text}.", advice)
    text = f"{text}, for example {keys[0]}."
    if len(keys) < lines:
        return Finding("product key", Severity.WARNING, text, "Lines without a key are left out of the purchase.")
    return Finding("product key", Severity.OK, text)


def _feed_finding(shop: Shop, match: FeedCheckResult, age: int) -> Finding:
    share = match.share or 0
    text = f"{percent(share, 1)} of the product keys of {shop.name} were in the feed {duration(age)} ago."
    if match.template != shop.product_key.text:
        return Finding("feed", Severity.INFO, f"{text} The template has changed since then.", RUN)
    if share >= SUFFICIENT_SHARE:
        return Finding("feed", Severity.OK, text)
    better = f'product_key = "{match.better.template}" would match more of them.' if match.better else RUN
    return Finding("feed", Severity.WARNING, text, better)
