"""The command that compares product keys with the feed: match."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

import click

from webhook_app.cli import configuration, feeds
from webhook_app.errors import FeedUnreadableError
from webhook_app.feed_check import Comparison, fields_of
from webhook_app.feed_check.feed_reader import item_ids, unpacked
from webhook_app.inbox import Inbox, feed_check_results
from webhook_app.inbox.reports.recent import sent_calls, stored_bodies
from webhook_app.platforms import all_platforms
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.feed_check_results import FeedCheckResult

MOST_BODIES = 2000  # of a shop, the newest, whose lines templates are tried on


@click.command()
@click.option(
    "--feed", required=True, help="The product feed that Tweakwise reads: a file, an address, or - for stdin."
)
@click.option("--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="How far to look back.")
@click.option("--shop", "name", help="Only this shop; default: all of them.")
@click.option(
    "--at-least",
    type=click.FloatRange(0, 100),
    default=95.0,
    show_default=True,
    help="Exit code 1 when a smaller share in percent is in the feed.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each shop, on a line.")
def match(feed: str, days: int, name: str | None, at_least: float, *, as_json: bool) -> None:
    """Say what share of the product keys that were sent exist in the product feed.

    For each shop also examples of keys that are not in it, and how other templates do on the orders whose bodies are
    still held. The feed is the XML that Tweakwise imports, also as gzip; it is read as a stream, however large. The
    result is kept, instead of the shop's earlier one. Exit code 1 if a shop has less than --at-least.
    """
    config, known = configuration.load()
    if name is not None and name not in known:
        raise click.BadParameter(f"there is no shop {name}; known are {', '.join(known)}", param_hint="--shop")
    shops = [known[name]] if name else [*known.values()]
    with closing(Inbox.configured(config)) as inbox:
        now = inbox.clock()
        comparisons = [_prepared(inbox, shop, now - days * DAY) for shop in shops]
        items = _passed_by(feed, comparisons)
        found = [comparison.result(feeds.called(feed), items, days, now) for comparison in comparisons]
        feed_check_results.save(inbox, found)
    for one in found:
        click.echo(json.dumps(asdict(one) | {"share": one.share}) if as_json else "\n".join(_lines(one)) + "\n")
    if any(one.share is not None and one.share * 100 < at_least for one in found):
        raise SystemExit(1)


def _prepared(inbox: Inbox, shop: Shop, since: int) -> Comparison:
    sent: Counter[str] = Counter()
    for one in sent_calls(inbox, shop.name, since):
        body = json.loads(one.call)
        sent.update(body.get("ProductKeys") or ([body["ProductKey"]] if "ProductKey" in body else []))
    return Comparison(shop, sent, _held_lines(inbox, shop))


def _held_lines(inbox: Inbox, shop: Shop) -> Iterator[dict[str, str]]:
    platforms = all_platforms()
    for held in islice(stored_bodies(inbox, shop.name), MOST_BODIES):
        if held.platform == shop.platform:
            yield from fields_of(held.body, held.topic, platforms[held.platform], shop)


def _passed_by(feed: str, comparisons: Sequence[Comparison]) -> int:
    """Show every id of the feed to every comparison; returns how many there were."""
    count = 0
    try:
        for item_id in item_ids(unpacked(feeds.chunks(feed))):
            count += 1
            for comparison in comparisons:
                comparison.see(item_id)
    except FeedUnreadableError as error:
        raise click.ClickException(f"{feeds.called(feed)} cannot be read: {error}.") from None
    if not count:
        raise click.ClickException(f"{feeds.called(feed)} has no <item> with an <id>.")
    return count


def _lines(found: FeedCheckResult) -> Iterator[str]:
    yield click.style(f"{found.shop}, product key {found.template}", bold=True)
    yield f"  feed           {found.feed}: {found.items} items"
    yield from _sent(found)
    if not found.lines:
        yield "  templates      no body of an order is held any more to try others on"
        return
    yield f"  templates      tried on {found.lines} different order lines:"
    for trial in found.trials:
        mark = "  (yours)" if trial.template == found.template else ""
        yield f"    {_percent(trial.found, found.lines):>7}      {trial.template}{mark}"
    yield f"  {_advice(found)}"


def _sent(found: FeedCheckResult) -> Iterator[str]:
    if not found.sent:
        yield f"  sent           nothing in the last {found.days} days"
        return
    share = _percent(found.sent_found, found.sent)
    yield f"  sent           {found.sent} product keys in {found.days} days, {share} are in the feed"
    yield f"  different      {found.keys}, {found.keys_found} of them in the feed"
    if found.misses:
        more = ", ..." if found.keys - found.keys_found > len(found.misses) else ""
        yield f"  not in it      {', '.join(found.misses)}{more}"


def _advice(found: FeedCheckResult) -> str:
    if found.better:
        return f'Would match best: product_key = "{found.better.template}"'
    if not found.own.found:
        return "None of the templates matches. Is this the feed of this shop's Tweakwise instance?"
    return "No other template matches better."


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
