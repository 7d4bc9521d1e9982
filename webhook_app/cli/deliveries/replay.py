"""`replay`: queues dead or ignored deliveries again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webhook_app.cli.support.bulk_change import DRY_RUN, NUMBERS, YES, BulkChange, carry_out, narrowed
from webhook_app.cli.support.selection_options import selection_options
from webhook_app.inbox import Verb
from webhook_app.inbox.states import sources

if TYPE_CHECKING:
    from webhook_app.inbox import Selection

CHANGE = BulkChange(
    Verb.REPLAY,
    done="queued again",
    refused="not replayed: only dead or ignored deliveries that still have a body can be",
)


@click.command()
@NUMBERS
@selection_options(sources(Verb.REPLAY))
@click.option("--rate", type=click.IntRange(1), help="Queue at most so many a second; default: no limit.")
@DRY_RUN
@YES
def replay(*, selection: Selection, rate: int | None, dry_run: bool, yes: bool) -> None:
    """Queue dead or ignored deliveries again, to be translated from the stored body and sent.

    Give numbers, or options that select deliveries. Options alone select dead ones; ignored ones are included where
    --state or --reason asks for them. It works in small steps, so webhooks are accepted meanwhile, and it may be
    stopped and run again. A delivery whose body was wiped cannot be replayed. Start with --dry-run.

    \b
    replay 17 18
    replay --shop acme --fault theirs --since 24h --dry-run
    replay --reason no_profile --rate 20
    """  # noqa: D301 - \b keeps click from joining the lines
    carry_out(CHANGE, narrowed(selection, Verb.REPLAY), rate, dry_run=dry_run, yes=yes)
