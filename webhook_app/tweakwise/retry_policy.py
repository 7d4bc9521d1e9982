"""(attempt, failure, age) -> try again or give up; pure: the worker only carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

# Nobody can tell whether Tweakwise counted the event: the request was out, the answer did not come.
AMBIGUOUS = frozenset({"timeout", "reset"})
# The request never left, or never arrived.
UNSENT = frozenset({"dns", "connect", "tls"})
TOO_MANY_REQUESTS = 429
TRANSIENT_STATUS = frozenset({408, 425})
REFUSED_STATUS = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that did not end in a 2xx.

    `name` is what a person acts on: dns, connect, tls, timeout, reset or http_<status>; `status` is 0 without an
    answer; `retry_after` is in seconds; `answer` is the beginning of what Tweakwise said.
    """

    name: str
    status: int = 0
    retry_after: float | None = None
    answer: str = ""


class FailureClass(Enum):
    """What an attempt says of the other side, and whose turn it is to do something."""

    ANSWERED = "answered"  # it took the event, or found fault with this one event
    UNAVAILABLE = "unavailable"  # it could not be reached, or is broken: nobody's events go
    TOO_FAST = "too_fast"  # it asks to go slower
    REFUSED = "refused"  # the instance key or the address is wrong: everything of the shop waits until it is corrected


@dataclass(frozen=True, slots=True)
class Policy:
    """Durations in seconds: RETRY_BASE, RETRY_CAP, RETRY_FOR; and what an ambiguous time-out means."""

    base: float
    cap: float
    give_up_after: float
    on_timeout: Literal["retry", "park"] = "retry"


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Wait `delay` seconds, then try again."""

    delay: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again; `parked` means that the event may have been counted all the same."""

    reason: str
    parked: bool = False


def decide(
    failure: Failure, attempt: int, age: float, policy: Policy, jitter: Callable[[], float]
) -> TryAgain | GiveUp:
    """Say what to do after the `attempt`-th attempt (from 1), `age` seconds after the first one.

    `jitter` returns a number in [0, 1): the delay is drawn from the whole range, so that what failed together does
    not come back together. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if failure.name in AMBIGUOUS and policy.on_timeout == "park":
        return GiveUp(f"parked_{failure.name}", parked=True)
    what = classify(failure)
    if what is FailureClass.ANSWERED:
        return GiveUp(failure.name)
    # Who corrects the key after a week must find everything still waiting.
    if age >= policy.give_up_after and what is not FailureClass.REFUSED:
        return GiveUp(f"gave_up_{failure.name}")
    backoff = min(policy.cap, policy.base * 2 ** min(attempt - 1, 60)) * jitter()
    # An answer that asks for centuries must not outlast the giving up, nor overflow the inbox's clock.
    asked = min(failure.retry_after or 0.0, policy.give_up_after)
    return TryAgain(max(backoff, asked))


def classify(failure: Failure | None) -> FailureClass:
    """Tell what an attempt says of the other side; None is a success."""
    if failure is None:
        return FailureClass.ANSWERED
    redirected = 300 <= failure.status < 400  # noqa: PLR2004 - the class of statuses; TWEAKWISE_URL is not quite right
    broken = failure.status >= 500  # noqa: PLR2004 - the class of statuses
    if redirected or failure.status in REFUSED_STATUS:
        return FailureClass.REFUSED
    if failure.status == TOO_MANY_REQUESTS:
        return FailureClass.TOO_FAST
    if broken or failure.status in TRANSIENT_STATUS or failure.name in UNSENT | AMBIGUOUS:
        return FailureClass.UNAVAILABLE
    return FailureClass.ANSWERED
