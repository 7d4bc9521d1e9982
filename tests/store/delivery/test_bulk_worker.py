"""Jobs that replay or discard many deliveries: completed by whatever process, cancelled between two steps."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.deliveries import arrival, claim
from webhook_app.delivery.bulk_worker import BulkWorker
from webhook_app.inbox import Selection, Settlement, State, Verb
from webhook_app.inbox.operations import audit_log, bulk_changes, bulk_jobs
from webhook_app.inbox.operations.audit_log import AuditAction, AuditEvent
from webhook_app.inbox.operations.bulk_changes import STEP
from webhook_app.inbox.operations.bulk_jobs import NewJob, Outcome
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.inbox.reports.failure_texts import signature
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.operations.bulk_jobs import BulkJob

COUNT = 2 * STEP + 50
DEAD = DeliveryFilter(Selection(states=("dead",)))
CANCELLED = AuditEvent(AuditAction.JOB_CANCELLED, "place", "session")


@pytest.fixture
def dead(inbox: Inbox) -> Inbox:
    """An inbox with more dead deliveries than two steps change."""
    inbox.store_all([arrival(str(number)) for number in range(COUNT)])
    inbox.settle([Settlement(delivery, State.DEAD, "unreadable") for delivery in claim(inbox, COUNT)])
    return inbox


def start(inbox: Inbox, wanted: DeliveryFilter = DEAD, verb: Verb = Verb.DISCARD, rate: int | None = None) -> int:
    counts = bulk_changes.count(inbox, wanted, verb)
    new = NewJob(verb, wanted, None, "all dead", rate, counts.last, counts.able(verb), "place", "session", "ann")
    return bulk_jobs.start(inbox, new)


def job(inbox: Inbox, number: int) -> BulkJob:
    found = bulk_jobs.get(inbox, number)
    assert found
    return found


def work(inbox: Inbox, *, steps: int = 8) -> None:
    """Work as a process that is asked to stop after each step."""
    stopping = threading.Event()
    stopping.set()
    for _ in range(steps):
        if bulk_jobs.any_left(inbox):
            BulkWorker(inbox).work(stopping)


def number_of(inbox: Inbox, state: State) -> int:
    return stored_deliveries.counts(inbox).get(state, 0)


def test_a_job_is_continued_by_the_next_process(dead: Inbox) -> None:
    """Each step is stored with what it changed, so that the next process neither repeats nor leaves out any."""
    number = start(dead)
    work(dead, steps=1)
    assert (job(dead, number).done, number_of(dead, State.IGNORED)) == (STEP, STEP)
    work(dead)
    done = job(dead, number)
    assert (done.done, done.total, done.outcome, done.filter) == (COUNT, COUNT, Outcome.COMPLETED, "")
    assert number_of(dead, State.IGNORED) == COUNT
    assert [(event.action, event.user_name) for event in audit_log.newest(dead)] == [
        ("job_completed", "ann"),
        ("job_started", "ann"),
    ]


def test_a_process_that_lost_its_job_changes_nothing(dead: Inbox, clock: Clock) -> None:
    """Its lease expired, another process took the job over: the step of the first is not carried out."""
    number = start(dead)
    first = bulk_jobs.claim(dead)
    assert first
    assert bulk_jobs.claim(dead) is None
    clock.move(bulk_jobs.LEASE / 1000 + 1)
    second = bulk_jobs.claim(dead)
    assert second
    step = bulk_changes.following(dead, first.wanted, first.position, first.last)
    assert bulk_jobs.advance(dead, first, step) is None
    assert not bulk_jobs.complete(dead, first)
    assert number_of(dead, State.IGNORED) == 0
    assert bulk_jobs.advance(dead, second, step)
    assert (number_of(dead, State.IGNORED), job(dead, number).done) == (STEP, STEP)


def test_a_cancelled_job_stops_between_two_steps(dead: Inbox) -> None:
    """What it changed stays changed, and a worker that has claimed it changes nothing more."""
    number = start(dead)
    work(dead, steps=1)
    claimed = bulk_jobs.claim(dead)
    assert claimed
    assert bulk_jobs.cancel(dead, number, CANCELLED)
    step = bulk_changes.following(dead, claimed.wanted, claimed.position, claimed.last)
    assert bulk_jobs.advance(dead, claimed, step) is None
    assert not bulk_jobs.cancel(dead, number, CANCELLED)
    assert not bulk_jobs.any_left(dead)
    assert (job(dead, number).outcome, number_of(dead, State.IGNORED)) == (Outcome.CANCELLED, STEP)


def test_the_rate_holds_across_processes(dead: Inbox, clock: Clock) -> None:
    """A step changes those of a second, and the next one is not begun before that second is over."""
    number = start(dead, verb=Verb.REPLAY, rate=50)
    for second in range(1, 4):
        work(dead)
        assert (job(dead, number).done, number_of(dead, State.RECEIVED)) == (50 * second, 50 * second)
        clock.move(1)


def test_what_arrives_later_stays(dead: Inbox) -> None:
    """A job concerns the deliveries that were counted."""
    start(dead)
    dead.store(arrival("later"))
    dead.settle([Settlement(delivery, State.DEAD, "unreadable") for delivery in claim(dead)])
    work(dead)
    assert number_of(dead, State.DEAD) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        DeliveryFilter(),
        DeliveryFilter(Selection(ids=(1, 2), shop="a", states=("dead", "ignored"), since=1, until=2, order="#1")),
        DeliveryFilter(Selection(reason_prefixes=("http_4",)), "shopify", ("a",), ("b",), shops=("a", "b"), issue="0f"),
    ],
)
def test_a_filter_is_stored_whole(wanted: DeliveryFilter) -> None:
    """Every field of a filter comes back, or a job would change other deliveries than were shown."""
    assert bulk_jobs.filter_from_json(bulk_jobs.filter_as_json(wanted)) == wanted


@pytest.mark.engines("sqlite")
def test_failures_with_one_text_are_changed_together(inbox: Inbox) -> None:
    """Numbers and values of the call make no difference; another text, or another reason, does."""
    answers = ["key 123 of jane-doe is unknown", "key 4567 of john-roe is unknown", "too many products", ""]
    inbox.store_all([arrival(str(number)) for number in range(4)])
    keys = ["jane-doe", "john-roe", "any", "any"]
    calls = [Call("purchase", f"purchase:{key}", {"ProductKeys": ["1"], "ProfileKey": key}) for key in keys]
    settled: list[dict[str, Any]] = [{"call": call, "answer": text} for call, text in zip(calls, answers, strict=True)]
    inbox.settle(
        [
            Settlement(one, State.DEAD, "http_422", **values)
            for one, values in zip(claim(inbox, 4), settled, strict=True)
        ]
    )
    first = signature(stored_deliveries.get(inbox, 1))
    wanted = DeliveryFilter(Selection(states=("dead",), reason="http_422"), issue=first)
    assert bulk_changes.count(inbox, wanted, Verb.DISCARD).total == 2
    start(inbox, wanted)
    work(inbox)
    assert [stored_deliveries.get(inbox, number).state for number in (1, 2, 3, 4)] == [
        "ignored",
        "ignored",
        "dead",
        "dead",
    ]
