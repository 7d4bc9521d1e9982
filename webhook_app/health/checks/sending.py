"""Checks of what is sent: workers, circuit breakers, rates, and deliveries that wait or were given up."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from webhook_app.formatting import counted, duration, percent
from webhook_app.health import thresholds
from webhook_app.health.check import Check
from webhook_app.health.finding import Finding, Severity
from webhook_app.throttling import descriptions
from webhook_app.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.health.measurements import Measurements
    from webhook_app.throttling.state import ThrottleState

# The instance key or the address is wrong: nothing is sent until someone corrects it.
REFUSED = ("http_401", "http_403", "http_404", "http_3")
START_A_WORKER = "Start one (python -m webhook_app worker, or run), and check its log for errors."
CHECK_THE_WORKER = "Check its log for errors, and restart it if there are none."
REPLAY = (
    "Issues on the dashboard groups them by cause, to replay or discard together; `list --state dead` lists them. "
    "docs/reasons.md explains each reason."
)


def workers(measured: Measurements) -> Iterator[Finding]:
    """Check that a worker runs, and that no due event waits for one."""
    runs, late = measured.worker_runs, ", ".join(measured.overdue)
    if late:
        text = f"Events of {late} have been due for over {duration(thresholds.OVERDUE_AFTER)}"
        why = ", although a worker runs" if runs else ", and no worker runs"
        others = tuple(measured.overdue)
        advice = CHECK_THE_WORKER if runs else START_A_WORKER
        yield Finding("workers", Severity.ERROR, f"{text}{why}.", advice, others=others)
    elif runs:
        yield Finding("workers", Severity.OK, "A worker runs, and no event is overdue.")
    else:
        text = "No worker runs: webhooks are stored, and nothing is sent to Tweakwise."
        yield Finding("workers", Severity.WARNING, text, START_A_WORKER)


def oldest(measured: Measurements) -> Iterator[Finding]:
    """Report shops with an event that waits for too long."""
    for one in measured.backlogs:
        age = measured.now - one.oldest
        if age > measured.thresholds.older_than * SECOND:
            waiting = counted(sum(one.states.values()), "event is", "events are")
            text = f"{one.shop}: an event has been waiting for {duration(age)}; {waiting} waiting in all."
            yield Finding(
                "oldest",
                Severity.ERROR,
                text,
                "`doctor` shows whether a worker runs, and what holds events up.",
                one.shop,
                summary=f"an event has been waiting for over {duration(measured.thresholds.older_than * SECOND)}",
                link=_deliveries(one.shop, "waiting"),
                sample=one.first,
                alerts=True,
            )


def breakers(measured: Measurements) -> Iterator[Finding]:
    """Report what is held up. If Tweakwise itself cannot be reached, its shops are not reported one by one."""
    theirs = [one for one in measured.throttles.values() if one.is_open and one.scope.applies_to({*measured.shops})]
    tweakwise_is_down = any(not one.scope.is_shop and _is_persistent(one) for one in theirs)
    for throttle in theirs:
        if throttle.reason.startswith(REFUSED) or not (tweakwise_is_down and throttle.scope.is_shop):
            yield _breaker(measured, throttle)


def _breaker(measured: Measurements, throttle: ThrottleState) -> Finding:
    first = {one.shop: one.first for one in measured.backlogs}
    shop = throttle.scope.name if throttle.scope.is_shop else ""
    if not _holds_up(measured, throttle):
        severity = Severity.INFO
    else:
        severity = Severity.ERROR if _is_persistent(throttle) else Severity.WARNING
    return Finding(
        "breaker",
        severity,
        descriptions.held_up(throttle, measured.now),
        descriptions.action(throttle),
        shop,
        str(throttle.scope),
        f"no events are sent: {descriptions.why(throttle.reason)}",
        _deliveries(shop, "waiting"),
        sample=first.get(shop),
        alerts=True,
    )


def _is_persistent(throttle: ThrottleState) -> bool:
    return throttle.is_open and (throttle.pauses >= thresholds.PERSISTENT or throttle.reason.startswith(REFUSED))


def _holds_up(measured: Measurements, throttle: ThrottleState) -> bool:
    """Return whether a breaker pauses calls, or an event waits: one that waits for its next test call is over."""
    if throttle.reason.startswith(REFUSED):
        return True
    is_paused = throttle.open_until is not None and throttle.open_until > measured.now and not throttle.probing
    return is_paused or any(throttle.scope.applies_to({one.shop}) for one in measured.backlogs)


def rates(measured: Measurements) -> Iterator[Finding]:
    """Report lowered rates while events wait because of them."""
    waiting = {one.shop for one in measured.backlogs}
    for throttle in measured.throttles.values():
        text = descriptions.slowed_down(throttle, measured.now)
        if text and not throttle.is_open and throttle.scope.applies_to({*measured.shops} & waiting):
            shop = throttle.scope.name if throttle.scope.is_shop else ""
            yield Finding("rate", Severity.INFO, text, descriptions.NO_ACTION, shop, str(throttle.scope))


def dead(measured: Measurements) -> Iterator[Finding]:
    """Report deliveries that were given up; an alert is about those of the last hour."""
    died = {one.shop: one for one in measured.died}
    for shop, count in measured.dead.items():
        recent = died.get(shop)
        given_up = counted(count, "dead delivery", "dead deliveries")
        text = f"{shop}: {given_up}: given up, and not sent to Tweakwise without a replay."
        if recent:
            of_late = counted(recent.count, "delivery was", "deliveries were")
            text = f"{text} {of_late} given up in the last hour."
        yield Finding(
            "dead",
            Severity.ERROR,
            text,
            REPLAY,
            shop,
            summary="dead deliveries need attention",
            link=_deliveries(shop, "dead"),
            sample=recent.newest if recent else None,
            alerts=recent is not None,
        )


def expiring(measured: Measurements) -> Iterator[Finding]:
    """Report dead deliveries that cannot be replayed much longer."""
    if measured.expiring:
        lost = counted(measured.expiring, "dead delivery loses its", "dead deliveries lose their")
        text = f"{lost} body within {duration(measured.expiring_within)} (KEEP_DEAD), and cannot be replayed then."
        advice = "Correct the cause and replay them, discard them, or set KEEP_DEAD to a longer time."
        yield Finding("expiring", Severity.WARNING, text, advice, link="/dashboard/deliveries?state=dead")


def leases(measured: Measurements) -> Iterator[Finding]:
    """Report deliveries whose worker stopped while it processed them."""
    for one in measured.lapsed:
        claimed = counted(one.count, "delivery was", "deliveries were")
        text = f"{one.shop}: {claimed} being processed when a worker stopped."
        advice = "Check the log of the worker for its end, and the memory of its machine."
        link = _deliveries(one.shop, "waiting")
        summary = "a worker stopped while it processed deliveries"
        yield Finding("leases", Severity.WARNING, text, advice, one.shop, "", summary, link, sample=one.newest)


def accounting(measured: Measurements) -> Iterator[Finding]:
    """Report shops of which too much of a day is neither delivered nor ignored."""
    for one in measured.missing:
        arrived = measured.arrived.get(one.shop, 0)
        if arrived >= thresholds.FEWEST and one.count / arrived > 1 - thresholds.ACCOUNTED:
            text = (
                f"{one.shop}: of {arrived} deliveries of a day, {one.count} are neither delivered nor ignored; "
                f"{percent(1 - one.count / arrived)} are accounted for."
            )
            yield Finding(
                "accounting",
                Severity.ERROR,
                text,
                "The page Accounting lists what is missing.",
                one.shop,
                summary="too many deliveries of a day are neither delivered nor ignored",
                link="/dashboard/accounting",
                sample=one.newest,
                alerts=True,
            )


def _deliveries(shop: str, state: str) -> str:
    query = {"shop": shop, "state": state} if shop else {"state": state}
    return f"/dashboard/deliveries?{urlencode(query)}"


CHECKS = (
    Check("workers", workers),
    Check("breaker", breakers, "No circuit breaker is open."),
    Check("rate", rates),
    Check("oldest", oldest),
    Check("dead", dead),
    Check("expiring", expiring),
    Check("leases", leases),
    Check("accounting", accounting),
)
