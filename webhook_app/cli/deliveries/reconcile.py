"""`reconcile`: compares orders with the platforms' own lists now."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import source_connection
from webhook_app.formatting import counted, date_and_time
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms
from webhook_app.sources.reconcile import Plan, Reconciler

if TYPE_CHECKING:
    from webhook_app.sources.reconcile import Round


@click.command()
@click.option("--shop", "name", help="Only this shop; default: all that have a table [shops.<name>.api].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for each shop.")
def reconcile(name: str | None, *, as_json: bool) -> None:
    """Compare each shop's orders with the platform's own list once, and fetch those that are missing.

    Workers do this by themselves every RECONCILE_EVERY. It compares what changed since the last complete comparison,
    and once a day all orders of MAX_ORDER_AGE. The exit code is 1 if a comparison did not finish.
    """
    config, known = source_connection.load()
    shops = {source_connection.shop_with_api(known, name).name: known[name]} if name else known
    if not any(shop.api for shop in shops.values()):
        raise click.ClickException("No shop has an API configured: add a table [shops.<name>.api].")
    plan = Plan(config.reconcile_every, config.reconcile_grace, source_connection.ages(config))
    is_complete = True
    with closing(Inbox.configured(config)) as inbox:
        reconciler = Reconciler(inbox, lambda: shops, all_platforms(), plan)
        for shop in (one for one in shops.values() if one.api):
            done = reconciler.once(only=shop.name)
            if not done:
                raise click.ClickException("A worker is comparing orders right now: try again in a minute.")
            is_complete &= not done[0].result.error
            click.echo(json.dumps(asdict(done[0].result)) if as_json else _line(done[0]))
    if not is_complete:
        raise SystemExit(1)


def _line(done: Round) -> str:
    one = done.result
    if one.error:
        return f"{one.shop}: {one.error}: {one.detail} It is tried again; nothing is left out."
    period = f"{'changed' if one.kind == 'changes' else 'placed'} since {date_and_time(one.since)} UTC"
    names = f" ({', '.join(done.report.names)})" if done.report and done.report.names else ""
    return (
        f"{one.shop}: {counted(one.listed, 'order')} {period}: {one.received} received, {one.waiting} under way, "
        f"{one.missing} missing{names}, {one.filled} fetched."
    )
