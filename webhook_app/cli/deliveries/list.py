"""`list`: the newest deliveries."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import click

from webhook_app.api.delivery_record import record_of
from webhook_app.cli.support import configuration
from webhook_app.cli.support.delivery_text import beginning, coloured, one_line, widths_of
from webhook_app.cli.support.order_names import read_for
from webhook_app.cli.support.param_types import DELIVERY_NUMBER
from webhook_app.cli.support.selection_options import selection_options
from webhook_app.cli.support.terminal import fitted
from webhook_app.config import settings
from webhook_app.formatting import timestamp
from webhook_app.health import missing_orders
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.platforms import all_platforms
from webhook_app.reasons import titled
from webhook_app.throttling import descriptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.inbox import Row, Selection

INDENT = 8  # columns of the number, under which a line continues


@click.command("list")
@selection_options()
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.option("--before", type=DELIVERY_NUMBER, help="Only numbers below: the last one of the list before.")
@click.option("--profile-key", help="Only what was sent for this profile key; reads every selected delivery.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_(*, selection: Selection, limit: int, before: int | None, profile_key: str | None, as_json: bool) -> None:
    """List the newest deliveries: state, and the reason or the order they count."""
    with closing(Inbox.configured(settings.load())) as inbox:
        read_for(inbox, selection)
        rows = stored_deliveries.newest(inbox, limit, selection, below=before, profile_key=profile_key)
        lines = [json.dumps(record_of(row)) for row in rows] if as_json else _lines(inbox, rows)
        if selection.order and not rows and not as_json:
            lines = [*_why_none(inbox, selection), *lines]
    for line in lines:
        click.echo(line)


def _why_none(inbox: Inbox, selection: Selection) -> list[str]:
    """Return what may be the reason that no delivery is about an order."""
    config, shops = configuration.load()
    chosen = configuration.chosen_shops(shops, selection.shop)
    explained = [
        *missing_orders.at_platforms(inbox, chosen, selection.order or ""),
        *missing_orders.explanations(inbox, chosen, all_platforms(), config.keep_rows),
    ]
    return [f"No stored delivery is about order {selection.order}.", *(fitted(f"- {one}", 2) for one in explained), ""]


def _lines(inbox: Inbox, rows: Sequence[Row]) -> list[str]:
    """Return a line for each delivery, for each breaker that holds their shops up, and for the counts by state."""
    now, counts = inbox.clock(), stored_deliveries.counts(inbox)
    paused = descriptions.open_for(inbox.throttles().values(), {row.shop for row in rows})
    total = ", ".join(f"{counts[state]} {state}" for state in State if state in counts)
    return [
        *(fitted(_line(row, widths_of(rows)), INDENT) for row in rows),
        *(click.style(fitted(descriptions.sentences(throttle, now), 2), fg="yellow") for throttle in paused),
        f"Total: {total or 'nothing yet'}",
    ]


def _line(row: Row, widths: tuple[int, int]) -> str:
    what = titled(row.reason) or row.business_key or ""
    due = f"; due at {timestamp(row.due_at)}" if row.state == State.WAITING and not row.attempts else ""
    return f"{beginning(row, widths)} {coloured(row.state, f'{row.state:<10}')} {one_line(what)}{due}"
