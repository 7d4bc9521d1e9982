"""Changes many deliveries in small steps, for `replay` and `discard`."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support.order_names import read_for
from webhook_app.cli.support.param_types import DELIVERY_NUMBER
from webhook_app.cli.support.terminal import progress_bar
from webhook_app.config import settings
from webhook_app.formatting import counted
from webhook_app.inbox import Inbox, Selection, Verb
from webhook_app.inbox.operations import bulk_changes, operator_actions
from webhook_app.inbox.operations.bulk_changes import MANY, STEP
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.inbox.reports.stored_deliveries import pages
from webhook_app.inbox.selection import ALL_DELIVERIES
from webhook_app.inbox.states import sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.inbox.operations.bulk_changes import SelectionCounts

LONG = 2 * STEP  # deliveries, beyond which it shows progress

NUMBERS = click.argument("numbers", type=DELIVERY_NUMBER, nargs=-1)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Change nothing; print how many deliveries would be changed.")
YES = click.option("--yes", is_flag=True, help=f"Do not ask for confirmation, even for more than {MANY}.")


@dataclass(frozen=True, slots=True)
class BulkChange:
    """The texts of a change: `done` and `refused` follow a number."""

    verb: Verb
    done: str
    refused: str

    def apply(self, inbox: Inbox, ids: Sequence[int], wanted: DeliveryFilter) -> set[int]:
        """Change those of `ids` that fit; returns which."""
        apply = operator_actions.replay if self.verb is Verb.REPLAY else operator_actions.discard
        return apply(inbox, ids, selection=wanted)


def narrowed(selection: Selection, verb: Verb) -> Selection:
    """Refuse an empty selection, and limit one without states."""
    if selection == ALL_DELIVERIES:
        raise click.UsageError(
            "Select deliveries: by number, or with options such as --shop or --fault; --state dead selects all dead."
        )
    return bulk_changes.narrowed(selection, verb)


def carry_out(change: BulkChange, selection: Selection, rate: int | None, *, dry_run: bool, yes: bool) -> None:
    """Apply the change, or only count; asks before it changes many. Exits with 1 where a number is refused."""
    with closing(Inbox.configured(settings.load())) as inbox:
        read_for(inbox, selection)
        wanted = DeliveryFilter(selection)
        counts = bulk_changes.count(inbox, wanted, change.verb)
        able = counts.able(change.verb)
        if dry_run:
            click.echo(f"Dry run: {able} of {_deliveries(counts)} would be {change.done}.")
            _print_refused(change, counts)
            return
        if able > MANY and not yes:
            click.confirm(f"{able} of {_deliveries(counts)} will be {change.done}. Continue?", abort=True, err=True)
        if selection.ids:
            _by_number(inbox, change, selection.ids)
        else:
            done = _in_steps(inbox, change, wanted, counts, rate)
            click.echo(f"{done} of {_deliveries(counts)} {change.done}.")
            _print_refused(change, counts)


def _deliveries(counts: SelectionCounts) -> str:
    return counted(counts.total, "delivery", "deliveries")


def _by_number(inbox: Inbox, change: BulkChange, numbers: Sequence[int]) -> None:
    """Apply it to each number and print the result of each; exits with 1 where one was not changed."""
    missed = False
    for start in range(0, len(numbers), STEP):
        some = numbers[start : start + STEP]
        done = change.apply(inbox, some, DeliveryFilter())
        known = {row.id for page in pages(inbox, Selection(ids=tuple(some))) for row in page}
        for number in some:
            why = change.refused if number in known else "there is no such delivery"
            click.echo(f"{number}: {change.done if number in done else why}")
        missed = missed or not done.issuperset(some)
    if missed:
        raise SystemExit(1)


def _in_steps(
    inbox: Inbox, change: BulkChange, wanted: DeliveryFilter, counts: SelectionCounts, rate: int | None
) -> int:
    """Apply it to all that were counted, not to what arrived later; returns to how many."""
    done = position = 0
    with progress_bar(counts.total, hidden=counts.total <= LONG) as bar:
        while position < counts.last:
            began = time.monotonic()
            step = bulk_changes.following(inbox, wanted, position, counts.last, bulk_changes.step_size(rate))
            changed = len(change.apply(inbox, step.ids, wanted))
            done, position = done + changed, step.reached
            bar.update(len(step.ids))
            time.sleep(bulk_changes.pause_after(changed, rate, time.monotonic() - began))
    return done


def _print_refused(change: BulkChange, counts: SelectionCounts) -> None:
    without_body, others = counts.allowed - counts.with_body, counts.total - counts.allowed
    if without_body and change.verb is Verb.REPLAY:
        click.echo(f"{without_body} cannot be: the body was wiped, so there is nothing to translate.")
    if others:
        click.echo(f"{others} cannot be: only {', '.join(sources(change.verb))} ones can.")
