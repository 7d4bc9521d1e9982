"""(attempt, failure, age) -> try again or give up; pure: the worker only carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

# Nobody can tell whether Tweakwise counted the event: the request was out, the answer did not come.
AMBIGUOUS = frozenset({"timeout", "reset"})
# The request never left, or never arrived.
UNSENT = frozenset({"dns", "connect", "tls"})
TRANSIENT_STATUS = frozenset({408, 425, 429})
# The instance key or the address is wrong: everything of the shop waits until somebody corrects it.
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
    if not _worth_retrying(failure):
        return GiveUp(failure.name)
    if age >= policy.give_up_after:
        return GiveUp(f"gave_up_{failure.name}")
    backoff = min(policy.cap, policy.base * 2 ** min(attempt - 1, 60)) * jitter()
    # An answer that asks for centuries must not outlast the giving up, nor overflow the inbox's clock.
    asked = min(failure.retry_after or 0.0, policy.give_up_after)
    return TryAgain(max(backoff, asked))


def _worth_retrying(failure: Failure) -> bool:
    if failure.name in UNSENT or failure.name in AMBIGUOUS:
        return True
    redirected = 300 <= failure.status < 400  # noqa: PLR2004 - the class of statuses; TWEAKWISE_URL is not quite right
    broken = failure.status >= 500  # noqa: PLR2004 - the class of statuses
    return broken or redirected or failure.status in TRANSIENT_STATUS or failure.status in REFUSED_STATUS
