"""`status`: how many deliveries are in which state, and what is paused."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support.param_types import Duration
from webhook_app.config import settings
from webhook_app.delivery.causes import TITLES, Cause, cause_of
from webhook_app.formatting import counted, duration, timestamp
from webhook_app.inbox import Inbox, State, count_check
from webhook_app.inbox.reports.backlog import summary
from webhook_app.reasons import titled
from webhook_app.throttling import descriptions
from webhook_app.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.inbox.count_check import CountCheck
    from webhook_app.inbox.reports.backlog import InboxSummary


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, times in ISO 8601.")
@click.option("--check", is_flag=True, help="Exit code 1 if something needs attention; for monitoring.")
@click.option(
    "--older-than",
    type=Duration(),
    default="15m",
    show_default=True,
    help="With --check: the age from which the oldest unfinished event is a problem.",
)
def status(*, as_json: bool, check: bool, older_than: int) -> None:
    """Show deliveries by state, dead ones by cause, and what is unfinished or paused.

    With --check the exit code is 1 if a breaker is open, anything is dead, the oldest unfinished event is older than
    --older-than, or the counts of the dashboard differ from the stored deliveries (they are corrected then); the
    problems are printed last. Without --check it is 0.
    """
    with closing(Inbox.configured(settings.load())) as inbox:
        now = summary(inbox)
        checked = count_check.check(inbox) if check else None
    problems = [*_problems(now, older_than / SECOND), *_differences(checked)]
    click.echo(json.dumps(_record(now, problems), indent=2) if as_json else "\n".join(_lines(now)))
    if check and problems:
        if not as_json:
            click.echo("\nNeeds attention: " + "; ".join(problems) + ".")
        raise SystemExit(1)


def _by_cause(dead: Mapping[str, int]) -> dict[Cause, int]:
    """Count the dead by cause; an unknown reason is a bug in the receiver."""
    counts = Counter[Cause]()
    for reason, count in dead.items():
        counts[_cause(reason)] += count
    return {cause: counts[cause] for cause in Cause}


def _cause(reason: str) -> Cause:
    return cause_of(reason) or Cause.RECEIVER


def _problems(now: InboxSummary, older_than: float) -> Iterator[str]:
    for throttle in now.throttles.values():
        if throttle.is_open:
            yield f"the breaker of {descriptions.title(throttle.scope)} is open"
    if now.states.get(State.DEAD):
        yield f"{now.states[State.DEAD]} dead"
    if now.oldest_age > older_than:
        yield f"the oldest unfinished event is {duration(now.oldest_age * SECOND)} old"


def _differences(checked: CountCheck | None) -> Iterator[str]:
    if checked and not checked.adds_up:
        yield "the counts of the dashboard differ from the stored deliveries; please report it"
    elif checked and checked.corrected:
        blocks = counted(checked.corrected, "block of counts", "blocks of counts")
        yield f"{blocks} differed from the stored deliveries and had to be corrected"


def _lines(now: InboxSummary) -> list[str]:
    counts = [f"{state:<11} {now.states[state]:>9}" for state in State if now.states.get(state)] or ["nothing yet"]
    shops = [f"  {shop.shop:<20} {shop.count:>9}  oldest {duration(now.at - shop.oldest)}" for shop in now.unfinished]
    paused = [f"  {text}" for throttle in now.throttles.values() if (text := descriptions.sentences(throttle, now.at))]
    return [
        *counts,
        *_section("Dead, by cause:", [*_dead(now.dead)]),
        *_section(f"Unfinished (the oldest for {duration(now.oldest_age * SECOND)}):", shops),
        *_section("Paused or slowed down:", paused),
    ]


def _dead(dead: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each cause, and below it one for each reason."""
    for cause, count in _by_cause(dead).items():
        if count:
            yield f"  {TITLES[cause]:<35} {count}"
            reasons = sorted(reason for reason in dead if _cause(reason) is cause)
            yield from (f"    {titled(reason)}: {dead[reason]}" for reason in reasons)


def _section(heading: str, lines: list[str]) -> list[str]:
    return ["", heading, *lines] if lines else []


def _record(now: InboxSummary, problems: list[str]) -> dict[str, object]:
    return {
        "at": timestamp(now.at),
        "states": {state: now.states.get(state, 0) for state in State},
        "dead": _by_cause(now.dead),
        "oldest_unfinished_seconds": now.oldest_age,
        "unfinished": [
            {"shop": one.shop, "count": one.count, "oldest": timestamp(one.oldest)} for one in now.unfinished
        ],
        "throttles": [
            {
                **asdict(throttle),
                "scope": str(throttle.scope),
                "open_until": timestamp(throttle.open_until) or None,
                "text": descriptions.sentences(throttle, now.at),
            }
            for throttle in now.throttles.values()
        ],
        "wrong": problems,
    }
