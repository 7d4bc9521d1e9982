"""Retry policy: decides from (failure, attempt, age) whether and when a call is retried; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

# The request was sent and no status came: Tweakwise may have counted the event.
AMBIGUOUS = frozenset({"timeout", "reset"})
# The answer of a proxy that had passed the request on and got no valid response: 502 and 504 of any proxy
# (https://www.rfc-editor.org/rfc/rfc9110#section-15.6.3), 520, 522 and 524 of Cloudflare
# (https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/).
AMBIGUOUS_STATUS = frozenset({502, 504, 520, 522, 524})
# The request was not sent, or did not arrive.
UNSENT = frozenset({"request", "dns", "connect", "tls"})
TOO_MANY_REQUESTS = 429
TRANSIENT_STATUS = frozenset({408, 425})
REFUSED_STATUS = frozenset({401, 403, 404})
MAX_RETRY_AFTER = 300.0  # seconds; a longer Retry-After counts as this, so that no answer stops a shop for days
MAX_DOUBLINGS = 60  # of the backoff, so that 2 ** attempt stays a number that a float can hold


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that did not end in a 2xx.

    `name` is request, dns, connect, tls, timeout, reset or http_<status>; `status` is 0 without a response;
    `retry_after` is what the response asks for, in seconds; `answer` is the beginning of the response's body.
    """

    name: str
    status: int = 0
    retry_after: float | None = None
    answer: str = ""

    @property
    def is_ambiguous(self) -> bool:
        """Whether Tweakwise may have counted the event."""
        return self.name in AMBIGUOUS or self.status in AMBIGUOUS_STATUS

    @property
    def requested_pause(self) -> float:
        """How long not to call again, in seconds: `retry_after`, at most MAX_RETRY_AFTER."""
        return min(max(self.retry_after or 0.0, 0.0), MAX_RETRY_AFTER)


class FailureClass(Enum):
    """What an attempt shows about the other side, which decides what happens to the calls after it."""

    ANSWERED = auto()  # it accepted the event, or rejected this one event
    UNAVAILABLE = auto()  # it could not be reached or is out of order: all calls would fail
    RATE_LIMITED = auto()  # it asks for fewer calls
    REFUSED = auto()  # the instance key or the address is wrong: the shop's events wait until it is corrected


@dataclass(frozen=True, slots=True)
class Policy:
    """RETRY_BASE, RETRY_CAP and RETRY_FOR in seconds, and what to do after an ambiguous failure (ON_TIMEOUT)."""

    base: float
    cap: float
    give_up_after: float
    on_timeout: Literal["retry", "park"] = "retry"


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the call again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not send the call again; `parked` means that Tweakwise may have counted the event."""

    reason: str
    parked: bool = False


def decide(failure: Failure, attempt: int, age: float, policy: Policy, jitter: Callable[[], float]) -> Retry | GiveUp:
    """Decide what follows the `attempt`-th attempt (from 1), `age` seconds after the first one.

    `jitter` returns a number in [0, 1): the delay is drawn from the whole range, so that calls that failed together
    are not retried together. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if failure.is_ambiguous and policy.on_timeout == "park":
        return GiveUp(f"parked_{failure.name}", parked=True)
    kind = classify(failure)
    if kind is FailureClass.ANSWERED:
        return GiveUp(failure.name)
    # Events refused for a wrong instance key never expire: correcting the key after a week must send them all.
    if age >= policy.give_up_after and kind is not FailureClass.REFUSED:
        return GiveUp(f"gave_up_{failure.name}")
    backoff = min(policy.cap, policy.base * 2 ** min(attempt - 1, MAX_DOUBLINGS)) * jitter()
    return Retry(max(backoff, min(failure.requested_pause, policy.give_up_after)))


def classify(failure: Failure | None) -> FailureClass:
    """Return what an attempt shows about the other side; None is a success."""
    if failure is None:
        return FailureClass.ANSWERED
    redirected = 300 <= failure.status < 400  # noqa: PLR2004 - the class of statuses; TWEAKWISE_URL is wrong
    broken = failure.status >= 500  # noqa: PLR2004 - the class of statuses
    if redirected or failure.status in REFUSED_STATUS:
        return FailureClass.REFUSED
    if failure.status == TOO_MANY_REQUESTS:
        return FailureClass.RATE_LIMITED
    if broken or failure.status in TRANSIENT_STATUS or failure.name in UNSENT | AMBIGUOUS:
        return FailureClass.UNAVAILABLE
    return FailureClass.ANSWERED
