"""`status`: how many deliveries are in which state, and what needs attention."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration
from webhook_app.cli.support.finding_text import finding_lines, finding_record
from webhook_app.cli.support.param_types import Duration
from webhook_app.config import settings
from webhook_app.config.shops import Shop
from webhook_app.delivery.causes import TITLES, Cause, cause_of
from webhook_app.errors import ConfigurationError, StoreUnavailableError
from webhook_app.formatting import counted, duration, timestamp
from webhook_app.health.evaluation import findings
from webhook_app.health.finding import Finding, Severity
from webhook_app.health.measure import Subject, measure
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.counting import count_check
from webhook_app.inbox.reports.backlog import summary
from webhook_app.platforms import all_platforms
from webhook_app.reasons import titled
from webhook_app.throttling import descriptions
from webhook_app.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.inbox.counting.count_check import CountCheck
    from webhook_app.inbox.reports.backlog import InboxSummary

NOT_STARTED = "Correct it; no process starts before that."


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, times in ISO 8601.")
@click.option("--shop", help="Only this shop; what concerns all is shown too.")
@click.option("--check", is_flag=True, help="Exit code 1 if something needs attention; for monitoring.")
@click.option(
    "--older-than",
    type=Duration(),
    help="The age from which the oldest unfinished event is a problem; default: ALERT_OLDER_THAN.",
)
def status(*, as_json: bool, shop: str | None, check: bool, older_than: int | None) -> None:
    """Show deliveries by state, dead ones by cause, what is unfinished, and what needs attention.

    With --check the exit code is 1 if a health check reports a warning or an error that is not muted, or if the counts
    of the dashboard differ from the stored deliveries (they are corrected then). Without --check it is 0.
    """
    config, shops, faults = _configuration(older_than)
    with closing(Inbox.configured(config)) as inbox:
        found = [*faults, *findings(measure(Subject(config, shops, all_platforms(), inbox)))]
        now = _summary(inbox, shop)
        if shop is not None:
            _refuse_unknown(shop, shops, now)
            found = [one for one in found if not one.shop or shop in (one.shop, *one.others)]
        found += _differences(count_check.check(inbox)) if check and now else []
    problems = [one for one in found if one.needs_attention]
    click.echo(json.dumps(_record(now, found), indent=2) if as_json else "\n".join(_lines(now, found)))
    if check and problems:
        raise SystemExit(1)


def _configuration(older_than: int | None) -> tuple[Settings, Mapping[str, Shop], list[Finding]]:
    """Return settings and shops; faults of the shops are findings, and their deliveries are counted nevertheless."""
    config, shops, faults = settings.load(), dict[str, Shop](), list[Finding]()
    if older_than is not None:
        config = replace(config, alert_older_than=older_than / SECOND)
    try:
        shops = configuration.load()[1]
    except ConfigurationError as error:
        faults = [Finding("configuration", Severity.ERROR, one, NOT_STARTED) for one in error.faults]
    return config, shops, faults


def _refuse_unknown(shop: str, shops: Mapping[str, Shop], now: InboxSummary | None) -> None:
    """Refuse a shop that is neither configured nor in the inbox."""
    if shops and not (now and now.states):
        configuration.chosen_shops(shops, shop)


def _summary(inbox: Inbox, shop: str | None) -> InboxSummary | None:
    """Return the figures, None while the database cannot be read: then that is a finding."""
    try:
        return summary(inbox, shop)
    except StoreUnavailableError:
        return None


def _by_cause(dead: Mapping[str, int]) -> dict[Cause, int]:
    """Count the dead by cause; an unknown reason is a bug in the receiver."""
    counts = Counter[Cause]()
    for reason, count in dead.items():
        counts[_cause(reason)] += count
    return {cause: counts[cause] for cause in Cause}


def _cause(reason: str) -> Cause:
    return cause_of(reason) or Cause.RECEIVER


def _differences(checked: CountCheck) -> list[Finding]:
    if not checked.adds_up:
        text = "The counts of the dashboard differ from the stored deliveries."
        return [Finding("counts", Severity.ERROR, text, "Please report it as a bug of the receiver.")]
    if checked.corrected:
        blocks = counted(checked.corrected, "block of counts", "blocks of counts")
        text = f"{blocks} differed from the stored deliveries and had to be corrected."
        return [Finding("counts", Severity.WARNING, text, "Nothing to do, unless it happens again.")]
    return []


def _lines(now: InboxSummary | None, found: list[Finding]) -> list[str]:
    return [*(_figures(now) if now else []), *finding_lines(found)]


def _figures(now: InboxSummary) -> list[str]:
    counts = [f"{state:<11} {now.states[state]:>9}" for state in State if now.states.get(state)] or ["nothing yet"]
    width = max([20, *(len(one.shop) for one in now.unfinished)])
    shops = [f"  {one.shop:<{width}} {one.count:>9}  oldest {duration(now.at - one.oldest)}" for one in now.unfinished]
    return [
        *counts,
        *_section("Dead, by cause:", [*_dead(now.dead)]),
        *_section(f"Unfinished (the oldest for {duration(now.oldest_age * SECOND)}):", shops),
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


def _record(now: InboxSummary | None, found: list[Finding]) -> dict[str, object]:
    wrong = [one.text for one in found if one.needs_attention]
    return {**(_figures_record(now) if now else {}), "findings": [finding_record(one) for one in found], "wrong": wrong}


def _figures_record(now: InboxSummary) -> dict[str, object]:
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
    }
