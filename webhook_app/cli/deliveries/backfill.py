"""`backfill`: fetches orders that no webhook reported from the platform's API."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from webhook_app.cli.support import source_connection
from webhook_app.cli.support.param_types import PointInTime
from webhook_app.cli.support.terminal import progress_bar
from webhook_app.errors import SourceError
from webhook_app.formatting import counted, duration, timestamp
from webhook_app.inbox import Inbox
from webhook_app.inbox.shop_records import reconciliations
from webhook_app.inbox.shop_records.reconciliations import Reconciliation
from webhook_app.reasons import reason_title
from webhook_app.sources import rounds
from webhook_app.sources.base import USUAL_RATE, Window
from webhook_app.sources.comparison import Outcome
from webhook_app.sources.rounds import MOST_NAMES, Report
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.settings import Settings
    from webhook_app.sources.base import Connection
    from webhook_app.sources.comparison import Comparison


@click.command()
@click.option("--shop", "name", required=True, help="The shop, which needs the table [shops.<name>.api].")
@click.option("--since", type=PointInTime(), help="Orders placed since then: 2026-11-27, or 7d for 7 days ago.")
@click.option("--until", type=PointInTime(), help="Orders placed before then, in the same form; default: until now.")
@click.option("--order", help="Only this order, by its id or its number such as #1234.")
@click.option("--dry-run", is_flag=True, help="Only compare and report; change nothing.")
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 1000),
    default=USUAL_RATE,
    show_default=True,
    help="Requests to the platform a second, at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backfill(
    *, name: str, since: int | None, until: int | None, order: str | None, dry_run: bool, rate: float, as_json: bool
) -> None:
    """Compare a shop's orders with the platform's own list, and fetch those that are missing.

    A fetched order goes the way of a webhook, and is counted once, whichever of the two comes first. It can be
    interrupted and run again. An order that is older than MAX_ORDER_AGE is not fetched: Tweakwise takes no date, and
    would count it as placed today.
    """
    if (since is None) == (order is None) or (until is not None and since is None):
        raise click.UsageError("Give either --since, with --until if you like, or --order.")
    if order is not None and not order.strip(" #"):
        raise click.BadParameter("names no order", param_hint="--order")
    config, known = source_connection.load()
    shop = source_connection.shop_with_api(known, name)
    _check_period(config, since, until)
    with closing(Inbox.configured(config)) as inbox:
        comparison = source_connection.comparison(config, inbox, shop)
        connection = source_connection.connect(shop, rate)
        try:
            if order is not None:
                report = _one_order(connection, comparison, order, stores=not dry_run)
            else:
                window = Window(since or 0, until)
                report = _window(config, connection, comparison, window, stores=not dry_run)
        except (SourceError, KeyboardInterrupt) as error:
            what = f"{error.reason}: {error}" if isinstance(error, SourceError) else "Interrupted."
            hint = "" if dry_run else " What was fetched until then stays; run the command again to go on."
            raise click.ClickException(f"{what}{hint}") from None
    grace = config.reconcile_grace * 1000
    click.echo(json.dumps(_record(report, shop.name)) if as_json else "\n".join(_lines(report, grace, dry_run=dry_run)))


def _check_period(config: Settings, since: int | None, until: int | None) -> None:
    now = now_ms()
    if since is not None and since < now - config.keep_rows * 1000:
        raise click.BadParameter(
            f"longer ago than KEEP_ROWS ({duration(config.keep_rows * 1000)}): what was counted before is not known "
            "any more, and could be counted twice",
            param_hint="--since",
        )
    if since is not None and since >= (until or now):
        raise click.BadParameter("not before the end of the period", param_hint="--since")


def _one_order(connection: Connection, comparison: Comparison, name: str, *, stores: bool) -> Report:
    found, report = connection.order(name), Report()
    if found is None:
        raise click.ClickException(f"The platform has no order {name}.")
    rounds.add_page(comparison, [found], None, report, stores=stores)
    return report


def _window(
    config: Settings, connection: Connection, comparison: Comparison, window: Window, *, stores: bool
) -> Report:
    inbox, began = comparison.inbox, now_ms()
    before = connection.now() - int(config.reconcile_grace * 1000)
    with progress_bar(None, "Orders compared") as bar:
        shown = [0]

        def after_page(report: Report) -> None:
            bar.update(report.listed - shown[0])
            shown[0] = report.listed

        report = rounds.run(connection, comparison, window, before, stores=stores, after_page=after_page)
    if stores:
        reconciliations.add(inbox, _result(comparison, window, before, report, began))
    return report


def _result(comparison: Comparison, window: Window, before: int, report: Report, began: int) -> Reconciliation:
    return Reconciliation(
        shop=comparison.shop.name,
        kind="backfill",
        since=window.since,
        until=before if window.until is None else window.until,
        ended_at=comparison.inbox.clock(),
        took=now_ms() - began,
        listed=report.listed,
        received=report.received,
        waiting=report.waiting,
        missing=report.missing,
        filled=report.filled,
    )


def _record(report: Report, shop: str) -> dict[str, Any]:
    return {
        "shop": shop,
        "platform": report.listed + report.recent,
        "received": report.received,
        "outcomes": dict(report.outcomes),
        "under_way": report.waiting + report.recent,
        "missing": report.missing,
        "missing_orders": report.names,
        "would_deliver": report.to_deliver,
        "would_ignore": dict(report.to_ignore),
        "too_old": report.ignored["too_old"],
        "fetched": report.filled,
        "at": timestamp(now_ms()),
    }


def _lines(report: Report, grace: float, *, dry_run: bool) -> Iterator[str]:
    yield f"platform      {counted(report.listed + report.recent, 'order')}"
    parts = ", ".join(f"{count} {name}" for name in Outcome if (count := report.outcomes[name]) and name in SETTLED)
    yield f"received      {report.received}{f': {parts}' if parts else ''}"
    yield f"under way     {report.waiting + report.recent}{_under_way(report, grace)}"
    names = ", ".join([*report.names, *(["..."] if report.missing > MOST_NAMES else [])])
    yield f"missing       {report.missing}{f': {names}' if names else ''}"
    if report.missing:
        yield f"  to deliver  {report.to_deliver}"
        for reason, count in report.to_ignore.most_common():
            yield f"  to ignore   {count} ({reason}: {reason_title(reason)})"
    if too_old := report.ignored["too_old"]:
        yield f"too old       {too_old}: longer ago than MAX_ORDER_AGE, and Tweakwise takes no date; not fetched"
    yield "Nothing was changed (--dry-run)." if dry_run else f"{counted(report.filled, 'order')} fetched."


def _under_way(report: Report, grace: float) -> str:
    stored = [f"{report.waiting} stored, not sent yet"] if report.waiting else []
    within = f"{report.recent} of the last {duration(grace)} (RECONCILE_GRACE), whose webhook may still arrive"
    parts = [*stored, *([within] if report.recent else [])]
    return f": {', '.join(parts)}" if parts else ""


SETTLED = (Outcome.DELIVERED, Outcome.IGNORED, Outcome.DEAD)
