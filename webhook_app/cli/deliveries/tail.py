"""`tail`: follows deliveries."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import click

from webhook_app.api.delivery_record import record_of
from webhook_app.cli.support.delivery_text import USUAL_WIDTHS, beginning, outcome, widths_of
from webhook_app.cli.support.interrupts import stop_requested
from webhook_app.cli.support.selection_options import selection_options
from webhook_app.cli.support.terminal import fitted
from webhook_app.config import settings
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports.changes import Follower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.inbox import Row, Selection

POLL_EVERY = 0.5  # seconds
INDENT = 8  # columns of the number, under which a line continues


@click.command()
@selection_options()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def tail(*, selection: Selection, as_json: bool) -> None:
    """Follow deliveries: one line for each that arrives, and whenever its state changes, until Ctrl-C.

    Without --since it starts with the next change. It only reads, so it may run beside anything.
    """
    if selection.until is not None:
        raise click.UsageError("tail does not end; use `list` with --until.")
    stop = stop_requested()
    with closing(Inbox.configured(settings.load())) as inbox, suppress(KeyboardInterrupt):
        follower, widths = Follower(inbox, selection), USUAL_WIDTHS
        while not stop.is_set():
            for row in _changes(follower):
                shop, topic = widths_of([row])
                widths = max(shop, widths[0]), max(topic, widths[1])  # columns only grow
                line = json.dumps(record_of(row)) if as_json else fitted(_line(row, inbox.clock(), widths), INDENT)
                click.echo(line)
            stop.wait(POLL_EVERY)


def _changes(follower: Follower) -> Iterator[Row]:
    try:
        yield from follower.poll()
    except StoreUnavailableError as error:
        click.echo(f"The database is unavailable: {error}. Waiting for it.", err=True)


def _line(row: Row, now: int, widths: tuple[int, int]) -> str:
    began = "was replayed" if row.replayed_at else "arrived"
    after = f"  {row.settled_at - row.waits_since} ms after it {began}" if row.settled_at else ""
    return f"{beginning(row, widths)} {outcome(row, now)}{after}"
