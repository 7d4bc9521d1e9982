"""Health checks: measurements in, findings out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.health import NOW, alerts, measured, problems
from webhook_app.health import evaluation
from webhook_app.health.measurements import DatabaseStatus, DiskStatus, Measurements, SilentTopic
from webhook_app.inbox.reports.backlog import Backlog, ShopCount
from webhook_app.throttling.state import Scope, ThrottleState
from webhook_app.time_units import DAY, HOUR

STATES = {"received": 3, "delivering": 1, "waiting": 1}


def backlog(seconds: float) -> Measurements:
    return measured(backlogs=[Backlog("acme", STATES, 7, NOW - int(seconds * 1000))])


def throttle(scope: str = "shop acme", **changed: Any) -> Measurements:
    made = ThrottleState(Scope.parse(scope), **{"open_until": NOW, "pauses": 3, "reason": "connect", **changed})
    return measured(throttles={made.scope: made}, backlogs=[Backlog("acme", STATES, 7, NOW)])


def refused(count: int, usual: float = 0.0, reason: str = "signature_mismatch") -> Measurements:
    what = ("acme", reason)
    return measured(
        refused={what: count},
        last_refused={what: NOW},
        usually_refused={what: usual},
        accepted={"acme": 4},
    )


def silent(hours: float, seen: list[int]) -> Measurements:
    """A topic last received so many hours ago, and before that in each of `seen`, in hours before its last."""
    last = NOW - int(hours * HOUR)
    return measured(
        silent=[SilentTopic("acme", "orders/create", last, [last // HOUR * HOUR - h * HOUR for h in seen])],
    )


def day(arrived: int, missing: int) -> Measurements:
    return measured(arrived={"acme": arrived}, missing=[ShopCount("acme", missing, 9)])


HOURLY = list(range(14 * 24))
DAILY = [24 * number for number in range(14)]
ON_WEEKDAYS = [24 * number for number in range(14) if number % 7 not in (1, 2)]

PROBLEMS = [
    (backlog(901), "oldest acme", "acme: an event has been waiting for 15 min 1 s; 5 events are waiting in all."),
    (throttle(), "breaker acme shop acme", "acme: no events are sent, because"),
    (throttle(reason="http_401", pauses=1), "breaker acme shop acme", "(http_401)"),
    (throttle(reason="http_301", pauses=1), "breaker acme shop acme", "(http_301)"),
    (throttle(probing=True), "breaker acme shop acme", "(connect)"),
    (
        throttle("tweakwise https://t.example"),
        "breaker tweakwise https://t.example",
        "no events are sent to https://t.ex",
    ),
    (
        measured(dead={"acme": 1}, died=[ShopCount("acme", 1, 9)]),
        "dead acme",
        "acme: 1 dead delivery: given up, and not sent",
    ),
    (
        measured(dead={"acme": 5}, died=[ShopCount("acme", 2, 9)]),
        "dead acme",
        "2 deliveries were given up in the last hour.",
    ),
    (
        refused(20),
        "signatures acme signature_mismatch",
        "20 webhooks were refused in the last two hours (signature",
    ),
    (refused(50, usual=10), "signatures acme signature_mismatch", "4 were accepted."),
    (silent(25, HOURLY), "silence acme orders/create", "no orders/create for 1 d 1 h; in the two weeks before"),
    (silent(37, DAILY), "silence acme orders/create", "the longest time without one was 1 d."),
    (silent(109, ON_WEEKDAYS), "silence acme orders/create", "the longest time without one was 3 d."),
    (day(1000, 2), "accounting acme", "of 1000 deliveries of a day, 2 are neither delivered nor ignored; 99.80 %"),
    (day(100, 1), "accounting acme", "99.00 %"),
]
NO_PROBLEM = {
    "an event that waits for a short time": backlog(900),
    "a breaker that opened for seconds": throttle(pauses=2),
    "a closed breaker": throttle(open_until=None),
    "a few bad signatures": refused(19),
    "as many bad signatures as usual": refused(49, usual=10),
    "a topic that is rare, and was received yesterday": silent(35, DAILY),
    "a weekend": silent(107, ON_WEEKDAYS),
    "a topic that was received a few times": silent(1000, [0, 24, 48]),
    "a topic that was received on one day": silent(1000, HOURLY[:24]),
    "a topic that was never received": silent(1000, []),
    "a day of which one in a thousand is missing": day(1000, 1),
    "a day with few arrivals": day(99, 50),
    "nothing at all": measured(),
}


@pytest.mark.parametrize(
    ("figures", "name", "text"), PROBLEMS, ids=[f"{name} {text[-20:]}" for _, name, text in PROBLEMS]
)
def test_problem_is_one_finding(figures: Measurements, name: str, text: str) -> None:
    """One finding, with its own name and the figures of the problem."""
    [found] = alerts(figures)
    assert (found.name, text in found.text) == (name, True), found.text


def test_outage_is_one_finding() -> None:
    """While Tweakwise cannot be reached, only a refused key of a shop is another finding."""
    throttles = {
        Scope.parse(name): ThrottleState(Scope.parse(name), open_until=NOW, pauses=3, reason=reason)
        for name, reason in (("shop a", "connect"), ("shop b", "http_401"), ("tweakwise https://t.example", "connect"))
    }
    found = alerts(measured(throttles=throttles, backlogs=[Backlog("b", STATES, 7, NOW)]))
    assert [one.detail for one in found] == ["shop b", "tweakwise https://t.example"]


@pytest.mark.parametrize("figures", NO_PROBLEM.values(), ids=NO_PROBLEM)
def test_no_problem_no_finding(figures: Measurements) -> None:
    """What is usual, or passes by itself, is no finding."""
    assert alerts(figures) == []


@pytest.mark.parametrize(
    ("figures", "sample"),
    [
        (backlog(901), 7),
        (throttle(), 7),
        (measured(dead={"acme": 1}, died=[ShopCount("acme", 1, 9)]), 9),
        (day(1000, 2), 9),
        (refused(20), None),
    ],
)
def test_sample(figures: Measurements, sample: int | None) -> None:
    """The number of a delivery is given as an example, if there is one."""
    assert alerts(figures)[0].sample == sample


def test_a_broken_secret_is_a_warning_at_once() -> None:
    """Within two minutes, also in a shop that sends a few webhooks a day; over with the next one that is accepted."""
    table = ((100, 1, 0, "ok"), (100, 3, 0, "warning"), (100, 5, 6, "ok"), (100, 9, 0, "warning"), (5, 3, 0, "warning"))
    for accepted, minutes, refused_ago, severity in table:
        figures = replace(
            refused(3),
            accepted={"acme": accepted},
            last_accepted={("acme", "orders/create"): NOW - minutes * 60_000},
            last_refused={("acme", "signature_mismatch"): NOW - refused_ago * 60_000},
        )
        found = [one.severity for one in problems(figures) if one.check == "signatures"]
        assert found == ([severity] if severity != "ok" else []), (minutes, refused_ago)


@pytest.mark.parametrize(
    ("accepted", "usually", "minutes", "is_alert"),
    [
        (6000, 50.0, 2, False),
        (6000, 50.0, 3, True),
        (50, 50.0, 1, False),
        (50, 50.0, 9, False),
        (4, 4.0, 60, False),
        (1, 0.0, 60, False),
        (50, 50.0, 11, True),
        (4, 4.0, 100, True),
        (3, 600.0, 11, True),
        (0, 50.0, 1, True),
    ],
)
def test_forged_requests_alone_are_no_alert(accepted: int, usually: float, minutes: int, is_alert: bool) -> None:
    """Anyone can send wrong signatures; it is an alert when the shop's own webhooks fail to arrive meanwhile."""
    figures = replace(
        refused(5000),
        accepted={"acme": accepted},
        usually_accepted={"acme": usually},
        last_accepted={("acme", "orders/create"): NOW - minutes * 60_000},
    )
    assert bool(alerts(figures)) is is_alert


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("sqlite", "Every webhook is answered with 503 until then: Shopify sends it again up to 8 times"),
        ("postgresql", "Webhooks are stored in the spool until then."),
    ],
)
def test_what_becomes_of_webhooks_without_a_database(kind: str, sentence: str) -> None:
    """They are refused, and what the shops' platforms do then is known; or they are spooled."""
    away = DatabaseStatus(kind, failure="no answer")
    found = problems(measured(database=away, disks=[DiskStatus("spool", "/")]))
    assert [sentence in one.advice for one in found if one.check == "database"] == [True]


@pytest.mark.parametrize(
    ("kind", "is_full", "advice"),
    [
        ("sqlite", True, "Its disk is full"),
        ("sqlite", False, "Check the file that DATABASE_URL names"),
        ("postgresql", False, "the database server is running"),
    ],
)
def test_what_to_check_without_a_database(kind: str, advice: str, *, is_full: bool) -> None:
    """A file has no server, and its disk may be the cause."""
    disks = [DiskStatus("inbox", "/", failure="full", is_full=True)] if is_full else []
    found = problems(measured(database=DatabaseStatus(kind, failure="no answer"), disks=disks))
    assert [advice in one.advice for one in found if one.check == "database"] == [True]


@pytest.mark.parametrize(("runs", "advice"), [(True, "Check its log"), (False, "Start one")])
def test_what_to_do_about_overdue_events(advice: str, *, runs: bool) -> None:
    """A worker that runs need not be started."""
    found = problems(measured(overdue=["acme"], worker_runs=runs))
    assert [one.advice.startswith(advice) for one in found if one.check == "workers"] == [True]


def late(reason: str, minutes: int) -> Measurements:
    """Webhooks that were refused, the last of them so many minutes ago."""
    what = ("acme", reason)
    return measured(refused={what: 3}, last_refused={what: NOW - minutes * 60_000})


WAITING = [Backlog("acme", STATES, 7, NOW)]
SLOW = ThrottleState(Scope.shop("acme"), rate=2.0, rate_at=NOW, reason="http_429")
OTHERS: list[tuple[Measurements, str, str, str]] = [
    (late("unavailable", 9), "refusals", "warning", "acme: 3 webhooks were answered with 503"),
    (late("too_large", 9), "refusals", "warning", "(too_large) and will never be accepted"),
    (late("unavailable", 11), "refusals", "", ""),
    (measured(lapsed=[ShopCount("acme", 2, 9)]), "leases", "warning", "acme: 2 deliveries were being processed when"),
    (measured(throttles={SLOW.scope: SLOW}, backlogs=WAITING), "rate", "info", "limited to 2 calls a second"),
    (measured(throttles={SLOW.scope: SLOW}), "rate", "", ""),
    (measured(database=DatabaseStatus("postgresql", clock_skew=6_000)), "clock", "warning", "6.0 s ahead of"),
    (measured(database=DatabaseStatus("postgresql", clock_skew=-61_000)), "clock", "error", "1 min 1 s behind"),
    (measured(database=DatabaseStatus("postgresql", clock_skew=4_000)), "clock", "", ""),
    (measured(expiring=1, expiring_within=DAY), "expiring", "warning", "1 dead delivery loses its body within 1 d"),
    (measured(spooled=2), "spool", "warning", "2 accepted events wait in the spool"),
]


@pytest.mark.parametrize(("figures", "check", "severity", "text"), OTHERS)
def test_what_is_no_alert(figures: Measurements, check: str, severity: str, text: str) -> None:
    """It is shown with its severity while it lasts, and no longer."""
    found = [one for one in evaluation.findings(figures) if one.check == check]
    assert [(one.severity, text in one.text) for one in found] == ([(severity, True)] if severity else []), found
