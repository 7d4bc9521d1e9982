"""The command that follows deliveries: tail."""

from __future__ import annotations

import json
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import click

from webhook_app.cli.deliveries import as_record, moment
from webhook_app.cli.selecting import selecting
from webhook_app.cli.telling import outcome
from webhook_app.config import settings
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, Selection
from webhook_app.inbox.reports.changes import Follower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.inbox import Row

EVERY = 0.5  # seconds between two looks


@click.command()
@selecting()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def tail(*, selection: Selection, as_json: bool) -> None:
    """Follow deliveries: one line for each that comes, and whenever its state changes, until Ctrl-C.

    Without --since it begins now. It only reads, so it may run beside anything.
    """
    if selection.until is not None:
        raise click.UsageError("tail has no end; use `list` with --until.")
    with closing(Inbox.configured(settings.load())) as inbox, suppress(KeyboardInterrupt):
        follower = Follower(inbox, selection)
        while True:
            for row in _seen(follower):
                click.echo(json.dumps(as_record(row)) if as_json else _line(row, inbox.clock()))
            time.sleep(EVERY)


def _seen(follower: Follower) -> Iterator[Row]:
    try:
        yield from follower.poll()
    except StoreUnavailableError as error:
        click.echo(f"The database does not answer: {error}. Waiting for it.", err=True)


def _line(row: Row, now: int) -> str:
    after = f"  {row.settled_at - row.received_at} ms after it came" if row.settled_at else ""
    return f"{row.id:>6}  {moment(row.received_at)}  {row.shop:<16} {row.topic:<22} {outcome(row, now)}{after}"
