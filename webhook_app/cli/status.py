"""The command that tells how it stands with everything: status."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from webhook_app.cli.deliveries import moment
from webhook_app.cli.selecting import Age
from webhook_app.config import settings
from webhook_app.delivery.causes import TITLES, Cause, cause_of
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.reports.backlog import summary
from webhook_app.throttling import descriptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.inbox.reports.backlog import InboxSummary


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, times in ISO 8601.")
@click.option("--check", is_flag=True, help="Exit code 1 when something needs a person: for monitoring.")
@click.option(
    "--older-than",
    type=Age(),
    default="15m",
    show_default=True,
    help="With --check: how old the oldest unfinished event may be.",
)
def status(*, as_json: bool, check: bool, older_than: int) -> None:
    """Tell how it stands: counts by state, whose fault the dead are, what each shop has unfinished, what is held up.

    With --check the exit code is 1 if a breaker is open, anything is dead, or the oldest unfinished event is older than
    --older-than; what is wrong is said last. Without --check it is 0.
    """
    with closing(Inbox.configured(settings.load())) as inbox:
        now = summary(inbox)
    wrong = _wrong(now, older_than / 1000)
    click.echo(json.dumps(_record(now, wrong), indent=2) if as_json else "\n".join(_lines(now)))
    if check and wrong:
        if not as_json:
            click.echo("\nWrong: " + "; ".join(wrong) + ".")
        raise SystemExit(1)


def _by_fault(dead: Mapping[str, int]) -> dict[Cause, int]:
    """Count the dead by cause; an unknown reason counts as a bug in the receiver."""
    counts: Counter[Cause] = Counter()
    for reason, count in dead.items():
        counts[cause_of(reason) or Cause.RECEIVER] += count
    return {fault: counts[fault] for fault in Cause}


def _wrong(now: InboxSummary, older_than: float) -> list[str]:
    wrong = [
        f"the breaker of {descriptions.title(throttle.scope)} is open"
        for throttle in now.throttles.values()
        if throttle.is_open
    ]
    if now.states.get(State.DEAD):
        wrong.append(f"{now.states[State.DEAD]} dead")
    if now.oldest_age > older_than:
        wrong.append(f"the oldest unfinished event is {_age(now.oldest_age)} old")
    return wrong


def _lines(now: InboxSummary) -> list[str]:
    counts = [f"{state:<11} {now.states[state]:>9}" for state in State if now.states.get(state)] or ["nothing yet"]
    dead = [f"  {TITLES[fault]:<35} {count}" for fault, count in _by_fault(now.dead).items() if count]
    shops = [
        f"  {shop.shop:<20} {shop.count:>9}  oldest {_age((now.at - shop.oldest) / 1000)}" for shop in now.unfinished
    ]
    held = [f"  {said}" for throttle in now.throttles.values() if (said := descriptions.sentences(throttle, now.at))]
    return [
        *counts,
        *_section("Dead, by cause:", dead),
        *_section(f"Unfinished (the oldest has been here for {_age(now.oldest_age)}):", shops),
        *_section("Held up:", held),
    ]


def _section(heading: str, lines: list[str]) -> list[str]:
    return ["", heading, *lines] if lines else []


def _age(seconds: float) -> str:
    return str(timedelta(seconds=max(int(seconds), 0)))


def _record(now: InboxSummary, wrong: list[str]) -> dict[str, object]:
    return {
        "at": moment(now.at),
        "states": {state: now.states.get(state, 0) for state in State},
        "dead": _by_fault(now.dead),
        "oldest_unfinished_seconds": now.oldest_age,
        "unfinished": [{"shop": one.shop, "count": one.count, "oldest": moment(one.oldest)} for one in now.unfinished],
        "throttles": [
            {
                **asdict(throttle),
                "scope": str(throttle.scope),
                "open_until": moment(throttle.open_until) or None,
                "said": descriptions.sentences(throttle, now.at),
            }
            for throttle in now.throttles.values()
        ],
        "wrong": wrong,
    }
