"""What became of a delivery, as a settlement; pure: the worker only writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.events import Ignored, Reason
from webhook_app import logs
from webhook_app.inbox import Settlement, State
from webhook_app.tweakwise import retry_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.inbox import Delivery
    from webhook_app.tweakwise.call import Call, Unreadable

MOST_LAPSES = 5
SHOP_MISSING_PAUSE = 300.0  # seconds


def without_call(delivery: Delivery, decision: Ignored | Unreadable) -> Settlement:
    """Settle what translation found not to be a call."""
    if isinstance(decision, Ignored):
        return Settlement(delivery, State.IGNORED, decision.reason, decision.detail)
    return Settlement(delivery, State.DEAD, "unreadable", decision.detail)


def redacted(delivery: Delivery, wiped: str) -> Settlement:
    """Settle a duty to wipe that was done; the request names a person too, and goes with the rest."""
    return Settlement(delivery, State.IGNORED, Reason.REDACTED, wiped, wipes=True)


def reported(delivery: Delivery, held: str) -> Settlement:
    """Settle a duty to tell that was done."""
    return Settlement(delivery, State.IGNORED, Reason.DATA_REQUEST, held)


def taken(delivery: Delivery, call: Call, owner: int) -> Settlement:
    """Settle a delivery whose order, or whose view of a moment before, another one counts."""
    if call.within is None:
        detail = f"Delivery {owner} counts this order."
        return Settlement(delivery, State.IGNORED, Reason.ALREADY_COUNTED, detail, key=call.key)
    detail = f"Delivery {owner} says the same within {call.within:g} seconds (repeat_within)."
    return Settlement(delivery, State.IGNORED, Reason.REPEATED, detail)


def shop_missing(delivery: Delivery) -> Settlement:
    """Put off a delivery of a shop that is not configured: a wrong deployment must not cost events."""
    detail = "The shop is not configured any more; it waits until it is."
    return Settlement(delivery, State.WAITING, "shop_missing", detail, retry_in=SHOP_MISSING_PAUSE)


def poisoned(delivery: Delivery) -> Settlement:
    """Give up a delivery that a worker died of, time after time."""
    return Settlement(delivery, State.DEAD, "poisoned", f"A worker died {delivery.lapses} times while it had it.")


def broken(delivery: Delivery, error: Exception) -> Settlement:
    """Give up a delivery that our own code stumbles over."""
    return Settlement(delivery, State.DEAD, "translation_error", f"A mistake of ours: {logs.describe(error)}")


def attempted(  # noqa: PLR0913 - all that the decision depends on
    delivery: Delivery,
    call: Call,
    failure: retry_policy.Failure | None,
    policy: retry_policy.Policy,
    *,
    now: int,
    took: int,
    jitter: Callable[[], float],
) -> Settlement:
    """Settle an attempt that took `took` milliseconds.

    `failure` is None when Tweakwise has it, `now` is in milliseconds since 1970 UTC.
    """
    said: dict[str, Any] = {"attempted": True, "took": took, "call": call}
    if failure is None:
        return Settlement(delivery, State.DELIVERED, detail=call.note, **said)
    said |= {"failure": failure.name, "answer": failure.answer}
    age = (now - (delivery.first_attempt_at or now)) / 1000
    decision = retry_policy.decide(failure, delivery.attempts + 1, age, policy, jitter)
    if isinstance(decision, retry_policy.TryAgain):
        return Settlement(delivery, State.WAITING, failure.name, retry_in=decision.delay, **said)
    return Settlement(delivery, State.DEAD, decision.reason, keeps_key=decision.parked, **said)
