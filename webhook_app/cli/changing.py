"""Commands that change many deliveries: replay, discard."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from schemas.events import Reason
from webhook_app.cli.selecting import selecting
from webhook_app.config import settings
from webhook_app.inbox import Inbox, Selection, State, Verb, operator_actions
from webhook_app.inbox.selection import ALL_DELIVERIES, STEP, count_for, pages
from webhook_app.inbox.states import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhook_app.inbox.selection import SelectionCounts

MANY = 100  # beyond which a person is asked before
LONG = 2 * STEP  # beyond which progress is shown


@dataclass(frozen=True, slots=True)
class _Deed:
    """What is done to deliveries, and how it is said."""

    verb: Verb
    done: str
    not_done: str
    needs_body: bool
    carry_out: Callable[[Inbox, Sequence[int]], set[int]]


REPLAY = _Deed(
    Verb.REPLAY,
    done="back in line",
    not_done="not replayed: only dead or ignored ones with a body are",
    needs_body=True,
    carry_out=operator_actions.replay,
)
DROP = _Deed(
    Verb.DISCARD,
    done="given up for good",
    not_done="not dropped: only dead, waiting or received ones are",
    needs_body=False,
    carry_out=partial(operator_actions.discard, reason=Reason.DROPPED),
)

NUMBERS = click.argument("numbers", type=int, nargs=-1)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Only count, and say what would happen.")
YES = click.option("--yes", is_flag=True, help=f"Do not ask, even when there are more than {MANY}.")


@click.command()
@NUMBERS
@selecting(sources(Verb.REPLAY))
@click.option("--rate", type=click.IntRange(1), help="Put at most so many a second back in line; default: no limit.")
@DRY_RUN
@YES
def replay(*, selection: Selection, rate: int | None, dry_run: bool, yes: bool) -> None:
    """Put dead or ignored deliveries back in line: they are translated again from the stored body.

    Say which: by number, or with the options. Options alone mean the dead; ignored ones are meant where --state or
    --reason says so. It goes in small steps, so webhooks are accepted meanwhile, and may be stopped and run again.
    A delivery whose body was wiped cannot be replayed. Start with --dry-run.

    \b
    replay 17 18
    replay --shop acme --fault theirs --since 24h --dry-run
    replay --reason no_profile --rate 20
    """  # noqa: D301 - \b keeps click from joining the lines
    chosen = _told(selection, sources(Verb.REPLAY) if selection.reason else (State.DEAD,))
    _carry_out(REPLAY, chosen, rate, dry_run=dry_run, yes=yes)


@click.command()
@NUMBERS
@selecting(sources(Verb.DISCARD))
@DRY_RUN
@YES
def discard(*, selection: Selection, dry_run: bool, yes: bool) -> None:
    """Give up dead deliveries for good: they will not be sent, and their bodies are wiped after KEEP_BODIES.

    Say which: by number, or with the options. Options alone mean the dead; what is still to be sent is given up only
    where --state waiting or --state received asks for it. A dropped delivery is ignored as `dropped`, and `replay`
    takes it back while its body is held. It keeps the order it holds, since Tweakwise may have counted it: other
    deliveries of that order stay `already_counted`.

    \b
    discard 17 18
    discard --shop acme --reason http_422 --until 30d --dry-run
    discard --shop closed-shop --state waiting --state received
    """  # noqa: D301 - \b keeps click from joining the lines
    _carry_out(DROP, _told(selection, (State.DEAD,)), None, dry_run=dry_run, yes=yes)


def _told(chosen: Selection, states: Sequence[State]) -> Selection:
    """Refuse a selection that says nothing, and narrow one that names no states to `states`."""
    if chosen == ALL_DELIVERIES:
        raise click.UsageError("Say which: numbers, or options such as --shop or --fault; --state dead means them all.")
    return chosen if chosen.ids or chosen.states else replace(chosen, states=tuple(states))


def _carry_out(deed: _Deed, chosen: Selection, rate: int | None, *, dry_run: bool, yes: bool) -> None:
    with closing(Inbox.configured(settings.load())) as inbox:
        counted = count_for(inbox, chosen, deed.verb)
        able = counted.with_body if deed.needs_body else counted.allowed
        if dry_run:
            click.echo(f"Nothing is changed yet: {able} of {counted.total} would be {deed.done}.")
            _tell_the_rest(deed, counted)
            return
        if able > MANY and not yes:
            click.confirm(f"{able} of {counted.total} will be {deed.done}. Go on?", abort=True, err=True)
        if chosen.ids:
            _one_by_one(inbox, deed, chosen.ids)
        else:
            click.echo(f"{_in_steps(inbox, deed, chosen, counted, rate)} of {counted.total} are {deed.done}.")
            _tell_the_rest(deed, counted)


def _one_by_one(inbox: Inbox, deed: _Deed, numbers: Sequence[int]) -> None:
    """Do it to each number and say so of each; exits with 1 where one of them was not done."""
    missed = False
    for start in range(0, len(numbers), STEP):
        some = numbers[start : start + STEP]
        done = deed.carry_out(inbox, some)
        known = {row.id for page in pages(inbox, Selection(ids=tuple(some))) for row in page}
        for number in some:
            why = deed.not_done if number in known else "there is no such delivery"
            click.echo(f"{number}: {deed.done if number in done else why}")
        missed = missed or not done.issuperset(some)
    if missed:
        raise SystemExit(1)


def _in_steps(inbox: Inbox, deed: _Deed, chosen: Selection, counted: SelectionCounts, rate: int | None) -> int:
    """Do it to all that were counted, not to what came later; returns to how many."""
    done = 0
    with click.progressbar(length=counted.total, file=sys.stderr, hidden=counted.total <= LONG) as bar:
        for page in pages(inbox, chosen, min(STEP, rate or STEP)):
            ids = [row.id for row in page if row.id <= counted.last]
            if not ids:
                break
            began = time.monotonic()
            changed = len(deed.carry_out(inbox, ids))
            done += changed
            bar.update(len(ids))
            if rate:
                time.sleep(max(changed / rate - (time.monotonic() - began), 0))
    return done


def _tell_the_rest(deed: _Deed, counted: SelectionCounts) -> None:
    bodiless, others = counted.allowed - counted.with_body, counted.total - counted.allowed
    if bodiless and deed.needs_body:
        click.echo(f"{bodiless} cannot be: the body was wiped, and there is nothing left to translate.")
    if others:
        click.echo(f"{others} cannot be: only {', '.join(sources(deed.verb))} ones can.")
