"""The outcome of a delivery as a Settlement; pure: the worker only writes it to the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.events import Ignored, Reason
from webhook_app import logs
from webhook_app.delivery.causes import DeadReason, WaitingReason
from webhook_app.inbox import Settlement, State
from webhook_app.tweakwise import retry_policy
from webhook_app.tweakwise.call import purchase_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.order_reference import OrderReference
    from webhook_app.delivery.dispatcher import Job
    from webhook_app.inbox import Delivery
    from webhook_app.tweakwise.call import Unreadable

MAX_LAPSES = 5  # expired leases of one delivery
SHOP_MISSING_PAUSE = 300.0  # seconds
# Seconds: the first is short, as a search may end before its request is put off.
SEARCH_BEGINS, SEARCH_PAUSE = 1.0, 30.0
CLOCK_MARGIN = 60.0  # seconds that the clocks of two machines may differ


def longest_pause(policy: retry_policy.Policy) -> float:
    """Return how long a delivery may wait, in seconds; what waits longer was not put off by this version."""
    return max(policy.cap, retry_policy.MAX_RETRY_AFTER, SHOP_MISSING_PAUSE) + CLOCK_MARGIN


def without_call(delivery: Delivery, decision: Ignored | Unreadable, order: OrderReference | None = None) -> Settlement:
    """Settle a delivery that translation made no call of, and that is about `order`."""
    key, name = (purchase_key(order.id), order.name) if order else (None, "")
    if isinstance(decision, Ignored):
        return Settlement(delivery, State.IGNORED, decision.reason, decision.detail, key=key, order_name=name)
    return Settlement(delivery, State.DEAD, DeadReason.UNREADABLE, decision.detail, key=key, order_name=name)


def redacted(delivery: Delivery, wiped: str) -> Settlement:
    """Settle a redaction request that was carried out; its own body names the customer and is wiped too."""
    return Settlement(delivery, State.IGNORED, Reason.REDACTED, wiped, wipes=True)


def reported(delivery: Delivery, report: str) -> Settlement:
    """Settle a data request; `report` names the deliveries about the customer."""
    return Settlement(delivery, State.IGNORED, Reason.DATA_REQUEST, report)


def already_counted(job: Job, owner: int) -> Settlement:
    """Settle a delivery whose business key belongs to delivery `owner`: the same order, or a repeated view."""
    call, order_name = job.call, job.order_name
    if call.within is None:
        detail = f"Delivery {owner} counts this order."
        return Settlement(
            job.delivery, State.IGNORED, Reason.ALREADY_COUNTED, detail, key=call.key, order_name=order_name
        )
    detail = f"Delivery {owner} reports the same event within {call.within:g} seconds (repeat_within)."
    return Settlement(job.delivery, State.IGNORED, Reason.REPEATED, detail, order_name=order_name)


def searching(delivery: Delivery) -> Settlement:
    """Put off a privacy request until all deliveries were searched; it is made due then."""
    detail = "The stored deliveries are being searched."
    pause = SEARCH_BEGINS if delivery.claims == 1 else SEARCH_PAUSE
    return Settlement(delivery, State.WAITING, WaitingReason.SEARCHING, detail, retry_in=pause)


def withdrawn(job: Job, by: int, reason: str) -> Settlement:
    """Settle a delivery whose order is no purchase any more, as delivery `by` reported for `reason`."""
    detail = f"Delivery {by} reports a later state of this order, in which it is no purchase."
    return Settlement(job.delivery, State.IGNORED, reason, detail, key=job.call.key, order_name=job.order_name)


def put_off(job: Job) -> Settlement:
    """Let a purchase wait until the time is over that its shop waits for returns."""
    call = job.call
    detail = "The purchase is sent when `purchase_after` is over, unless its order is cancelled or refunded before."
    values: dict[str, Any] = {"retry_at": call.not_before, "call": call, "order_name": job.order_name}
    return Settlement(job.delivery, State.WAITING, WaitingReason.PURCHASE_AFTER, detail, **values)


def awaiting_key(delivery: Delivery, order: OrderReference, until: int) -> Settlement:
    """Let an order without a profile key wait for the report of its checkout."""
    detail = "The order has no profile key; the pixel's report of its checkout may have one (KEY_WAIT)."
    values: dict[str, Any] = {"key": purchase_key(order.id), "order_name": order.name}
    return Settlement(delivery, State.WAITING, WaitingReason.KEY_WAIT, detail, retry_at=until, ready_at=until, **values)


def shop_missing(delivery: Delivery) -> Settlement:
    """Put off a delivery whose shop is not configured: a wrong deployment must not lose events."""
    detail = "The shop is not configured any more; the delivery waits until it is."
    return Settlement(delivery, State.WAITING, WaitingReason.SHOP_MISSING, detail, retry_in=SHOP_MISSING_PAUSE)


def poisoned(delivery: Delivery) -> Settlement:
    """Give up a delivery whose lease expired again and again, because its worker crashed each time."""
    detail = f"The worker crashed {delivery.lapses} times while it processed this delivery."
    return Settlement(delivery, State.DEAD, DeadReason.POISONED, detail)


def internal_error(delivery: Delivery, error: Exception) -> Settlement:
    """Give up a delivery that raises an exception in the receiver's own code."""
    detail = f"Internal error: {logs.describe(error)}"
    return Settlement(delivery, State.DEAD, DeadReason.TRANSLATION_ERROR, detail)


def attempted(  # noqa: PLR0913 - everything that the decision depends on
    job: Job,
    failure: retry_policy.Failure | None,
    policy: retry_policy.Policy,
    *,
    now: int,
    took: int,
    jitter: Callable[[], float],
) -> Settlement:
    """Settle an attempt that took `took` milliseconds.

    `failure` is None when Tweakwise accepted the event, `now` is in milliseconds since 1970 UTC.
    """
    delivery, call = job.delivery, job.call
    attempt: dict[str, Any] = {"attempted": True, "took": took, "call": call, "order_name": job.order_name}
    if failure is None:
        return Settlement(delivery, State.DELIVERED, detail=call.note, **attempt)
    attempt |= {"failure": failure.name, "answer": failure.answer}
    age = (now - (delivery.first_attempt_at or now)) / 1000
    decision = retry_policy.decide(failure, delivery.attempts + 1, age, policy, jitter)
    if isinstance(decision, retry_policy.Retry):
        return Settlement(delivery, State.WAITING, failure.name, retry_in=decision.delay, **attempt)
    return Settlement(delivery, State.DEAD, decision.reason, keeps_key=decision.parked, **attempt)
