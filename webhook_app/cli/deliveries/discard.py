"""`discard`: gives deliveries up for good."""

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
    Verb.DISCARD,
    done="discarded",
    refused="not discarded: only dead, waiting or received deliveries can be",
)


@click.command()
@NUMBERS
@selection_options(sources(Verb.DISCARD))
@DRY_RUN
@YES
def discard(*, selection: Selection, dry_run: bool, yes: bool) -> None:
    """Discard dead deliveries: they are never sent, and their bodies are wiped after KEEP_BODIES.

    Give numbers, or options that select deliveries. Options alone select dead ones; those that are still to be sent are
    discarded only with --state waiting or --state received. A discarded delivery is ignored with the reason `dropped`,
    and `replay` undoes it as long as the body is stored. Its order stays counted, since Tweakwise may have it: other
    deliveries of that order remain `already_counted`.

    \b
    discard 17 18
    discard --shop acme --reason http_422 --until 30d --dry-run
    discard --shop closed-shop --state waiting --state received
    """  # noqa: D301 - \b keeps click from joining the lines
    carry_out(CHANGE, narrowed(selection, Verb.DISCARD), None, dry_run=dry_run, yes=yes)
