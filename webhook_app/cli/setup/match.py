"""`match`: compares the product keys that were sent with the product feed."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

import click

from schemas.event_types import ITEM_ID, product_keys_of
from webhook_app.cli.support import configuration, feed_input
from webhook_app.errors import FeedUnreadableError
from webhook_app.feed_check import Comparison, fields_of
from webhook_app.feed_check.feed_reader import item_ids, unpacked
from webhook_app.formatting import counted, percent
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports.recent import sent_calls, stored_bodies
from webhook_app.inbox.shop_records import feed_check_results
from webhook_app.platforms import all_platforms
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.shop_records.feed_check_results import FeedCheckResult

MOST_BODIES = 2000  # the newest of a shop, on whose order lines templates are tried


@click.command()
@click.option("--feed", required=True, help="The product feed that Tweakwise imports: a file, a URL, or - for stdin.")
@click.option("--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="How many days to look back.")
@click.option("--shop", "name", help="Only this shop; default: all shops.")
@click.option(
    "--at-least",
    type=click.FloatRange(0, 100),
    default=95.0,
    show_default=True,
    help="Exit code 1 if a smaller percentage of a shop's product keys is in the feed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for each shop.")
def match(feed: str, days: int, name: str | None, at_least: float, *, as_json: bool) -> None:
    """Compare the product keys that were sent with the product feed.

    For each shop it prints the share of keys that are in the feed, examples of keys that are not, and how other
    templates do on the orders whose bodies are still stored. The feed is the XML that Tweakwise imports, also as gzip;
    it is read as a stream, however large. The result is stored and replaces the shop's earlier one. The exit code is 1
    if a shop has less than --at-least.
    """
    config, known = configuration.load()
    shops = configuration.chosen_shops(known, name).values()
    with closing(Inbox.configured(config)) as inbox:
        now = inbox.clock()
        comparisons = [_comparison(inbox, shop, now - days * DAY) for shop in shops]
        items = _read_feed(feed, comparisons)
        results = [comparison.result(feed_input.title(feed), items, days, now) for comparison in comparisons]
        feed_check_results.save(inbox, results)
    for one in results:
        click.echo(json.dumps(asdict(one) | {"share": one.share}) if as_json else "\n".join(_lines(one)) + "\n")
    if any(one.share is not None and one.share * 100 < at_least for one in results):
        raise SystemExit(1)


def _comparison(inbox: Inbox, shop: Shop, since: int) -> Comparison:
    sent: Counter[str] = Counter()
    for one in sent_calls(inbox, shop.name, since):
        sent.update(product_keys_of(json.loads(one.call), ITEM_ID))  # which no template makes: it is Tweakwise's own
    return Comparison(shop, sent, _order_lines(inbox, shop))


def _order_lines(inbox: Inbox, shop: Shop) -> Iterator[dict[str, str]]:
    platforms = all_platforms()
    for stored in islice(stored_bodies(inbox, shop.name), MOST_BODIES):
        if stored.platform == shop.platform:
            yield from fields_of(stored.body, stored.topic, platforms[stored.platform], shop)


def _read_feed(feed: str, comparisons: Sequence[Comparison]) -> int:
    """Pass every id of the feed to every comparison; returns how many there were."""
    count = 0
    try:
        for item_id in item_ids(unpacked(feed_input.chunks(feed))):
            count += 1
            for comparison in comparisons:
                comparison.add(item_id)
    except FeedUnreadableError as error:
        raise click.ClickException(f"{feed_input.title(feed)} cannot be read: {error}.") from None
    if not count:
        raise click.ClickException(f"{feed_input.title(feed)} has no <item> with an <id>.")
    return count


def _lines(result: FeedCheckResult) -> Iterator[str]:
    yield click.style(f"{result.shop}, product key {result.template}", bold=True)
    yield f"  feed           {result.feed}: {counted(result.items, 'item')}"
    yield from _sent(result)
    if not result.lines:
        yield "  templates      none tried: no body of an order is stored any more"
        return
    yield f"  templates      tried on {counted(result.lines, 'different order line')}:"
    for trial in result.trials:
        mark = "  (yours)" if trial.template == result.template else ""
        yield f"    {percent(trial.found / result.lines, 1):>7}      {trial.template}{mark}"
    yield f"  {_advice(result)}"


def _sent(result: FeedCheckResult) -> Iterator[str]:
    if not result.sent:
        yield f"  sent           nothing in the last {counted(result.days, 'day')}"
        return
    share = percent(result.sent_found / result.sent, 1)
    days = counted(result.days, "day")
    yield f"  sent           {counted(result.sent, 'product key')} in {days}, {share} in the feed"
    yield f"  different      {result.keys}, of which {result.keys_found} in the feed"
    if result.misses:
        more = ", ..." if result.keys - result.keys_found > len(result.misses) else ""
        yield f"  not in it      {', '.join(result.misses)}{more}"


def _advice(result: FeedCheckResult) -> str:
    if result.better:
        return f'Would match best: product_key = "{result.better.template}"'
    if not result.own.found:
        return "No template matches. Is this the feed of this shop's Tweakwise instance?"
    return "No other template matches better."
