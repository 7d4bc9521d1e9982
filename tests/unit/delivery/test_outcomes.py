"""Outcomes of deliveries as settlements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.events import Ignored, Reason
from tests.support.deliveries import purchase, view
from webhook_app.config.shops import parse
from webhook_app.delivery import outcomes
from webhook_app.delivery.dispatcher import Job
from webhook_app.inbox import Delivery, Settlement, State
from webhook_app.platforms import all_platforms
from webhook_app.tweakwise.call import Call, Unreadable
from webhook_app.tweakwise.retry_policy import Failure, Policy

DELIVERY = Delivery(
    id=7,
    shop="acme",
    platform="shopify",
    topic="orders/create",
    received_at=1_000,
    due_at=60_000,
    claims=1,
    lapses=0,
    attempts=2,
    first_attempt_at=10_000,
    body=b"{}",
)
ORDER = purchase("purchase:1001")
[SHOP] = parse(
    '[shops.acme]\nplatform = "shopify"\nsecrets = ["x"]\ninstance_key = "1234abcd"', "", all_platforms()
).values()
POLICY = Policy(base=5, cap=3600, give_up_after=100)
NOW = 50_000


def job(call: Call, delivery: Delivery = DELIVERY) -> Job:
    return Job(delivery, SHOP, call, "#1001")


def attempted(failure: Failure | None, delivery: Delivery = DELIVERY, policy: Policy = POLICY) -> Settlement:
    return outcomes.attempted(job(ORDER, delivery), failure, policy, now=NOW, took=40, jitter=lambda: 0.5)


@pytest.mark.parametrize(
    ("settlement", "state", "reason", "detail"),
    [
        (outcomes.without_call(DELIVERY, Ignored(Reason.DRAFT, "why")), State.IGNORED, "draft", "why"),
        (outcomes.without_call(DELIVERY, Unreadable("path")), State.DEAD, "unreadable", "path"),
        (outcomes.redacted(DELIVERY, "Wiped."), State.IGNORED, "redacted", "Wiped."),
        (outcomes.reported(DELIVERY, "Found."), State.IGNORED, "data_request", "Found."),
        (
            outcomes.already_counted(job(ORDER), 3),
            State.IGNORED,
            "already_counted",
            "Delivery 3 counts this order.",
        ),
        (
            outcomes.already_counted(job(view("pageview:1", within=5.0)), 3),
            State.IGNORED,
            "repeated",
            "Delivery 3 reports the same event within 5 seconds (repeat_within).",
        ),
        (
            outcomes.shop_missing(DELIVERY),
            State.WAITING,
            "shop_missing",
            "The shop is not configured any more; the delivery waits until it is.",
        ),
        (
            outcomes.poisoned(replace(DELIVERY, lapses=6)),
            State.DEAD,
            "poisoned",
            "The worker crashed 6 times while it processed this delivery.",
        ),
        (
            outcomes.internal_error(DELIVERY, KeyError("jan@example.test")),
            State.DEAD,
            "translation_error",
            "Internal error: KeyError",
        ),
    ],
)
def test_outcome_without_a_call(settlement: Settlement, state: State, reason: str, detail: str) -> None:
    """Every outcome has a state, a reason and a sentence, and no attempt."""
    assert (settlement.state, settlement.reason, settlement.detail) == (state, reason, detail)
    assert (settlement.delivery.id, settlement.attempted) == (7, False)


def test_only_a_redaction_wipes_its_own_body() -> None:
    """A data request is not wiped."""
    assert outcomes.redacted(DELIVERY, "").wipes
    assert not outcomes.reported(DELIVERY, "").wipes


def test_an_order_that_another_delivery_counts_has_its_key() -> None:
    """The order is found by its key and by its number; a repeated view has no key."""
    assert outcomes.already_counted(job(ORDER), 3).order_name == "#1001"
    assert outcomes.already_counted(job(ORDER), 3).key == "purchase:1001"
    assert outcomes.already_counted(job(view("pageview:1", within=5.0)), 3).key is None


def test_success_is_delivered() -> None:
    """The remark of the call is the detail."""
    remarked = job(replace(ORDER, note="a remark"))
    delivered = outcomes.attempted(remarked, None, POLICY, now=NOW, took=40, jitter=lambda: 0.5)
    assert (delivered.state, delivered.reason, delivered.detail) == (State.DELIVERED, "", "a remark")
    assert (delivered.attempted, delivered.took, delivered.failure) == (True, 40, "")


def test_failure_that_may_pass_is_waiting() -> None:
    """The delay is that of the third attempt, the response is stored."""
    waiting = attempted(Failure("http_503", 503, answer="busy"))
    assert (waiting.state, waiting.reason, waiting.failure) == (State.WAITING, "http_503", "http_503")
    assert (waiting.retry_in, waiting.answer, waiting.keeps_key) == (10.0, "busy", False)


def test_age_counts_from_the_first_attempt() -> None:
    """After RETRY_FOR it is dead; a delivery without an attempt has no age."""
    old = replace(DELIVERY, first_attempt_at=NOW - 100_000)
    assert (attempted(Failure("dns"), old).state, attempted(Failure("dns"), old).reason) == (State.DEAD, "gave_up_dns")
    assert attempted(Failure("dns"), replace(old, first_attempt_at=NOW - 99_999)).state == State.WAITING
    assert attempted(Failure("dns"), replace(old, first_attempt_at=None)).state == State.WAITING


def test_parked_call_keeps_its_key() -> None:
    """Tweakwise may have counted a parked order, so no other delivery may count it; a rejected one was not counted."""
    parked = attempted(Failure("timeout"), policy=replace(POLICY, on_timeout="park"))
    rejected = attempted(Failure("http_422", 422))
    assert (parked.state, parked.reason, parked.keeps_key) == (State.DEAD, "parked_timeout", True)
    assert (rejected.state, rejected.reason, rejected.keeps_key) == (State.DEAD, "http_422", False)
