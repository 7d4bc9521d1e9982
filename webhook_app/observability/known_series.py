"""The series of the counters that are known before anything is counted: they are exposed as 0.

Prometheus computes an increase from one sample to the next, so what a series begins with counts for nothing. Zeros are
added to a scrape, not stored: they cost no memory in the processes that count.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from schemas.event_types import EVENT_TYPES
from schemas.events import Reason
from webhook_app import green_threads
from webhook_app.delivery.causes import DeadReason, WaitingReason
from webhook_app.inbox import State
from webhook_app.observability.metrics import ACCEPTED, CALLS, OWN_LABELS, REFUSED, SETTLED, Metric
from webhook_app.platforms import all_platforms
from webhook_app.reasons import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from webhook_app.config.shops import Shop

    Labels = tuple[str, ...]

ALL_UP_TO = 50  # shops; with more, only what the rules of docs/prometheus/alerts.yml use
PAUSE_EVERY = 256  # samples, which take a few milliseconds to write
RESULTS = ("stored", "duplicate", "spooled", "ping")
UNREAD = ("unavailable", "too_large", "content_encoding", "bad_request", "request_timeout")
STATUSES = tuple(f"http_{status}" for status in sorted(OWN_LABELS))
FAILED = (*FAILURES, *STATUSES, "http_3xx", "http_5xx")
# A refused instance key, or a wrong address, is never given up: see retry_policy.
FOR_EVER = ("http_401", "http_403", "http_404", "http_3xx")
AMBIGUOUS = ("timeout", "reset", "http_502", "http_504", "http_5xx")
DEAD = (
    *map(str, DeadReason),
    "http_4xx",
    *(f"gave_up_{name}" for name in FAILED if name not in FOR_EVER),
    *(f"parked_{name}" for name in AMBIGUOUS),
)


def known_series(shops: Mapping[str, Shop]) -> dict[Metric, list[Labels]]:
    """Return the label values of the known series of each counter."""
    everything = len(shops) <= ALL_UP_TO
    return {
        ACCEPTED: [(shop.platform, shop.name, result) for shop in shops.values() for result in RESULTS],
        REFUSED: [("", "", "unknown_shop"), *(one for shop in shops.values() for one in _refused(shop))],
        SETTLED: [(shop, *outcome) for shop, outcome in product(shops, _outcomes(everything=everything))],
        CALLS: [(shop, *call) for shop, call in product(shops, _calls(everything=everything))],
    }


def _refused(shop: Shop) -> Iterator[Labels]:
    for reason in (*UNREAD, *all_platforms()[shop.platform].refusals):
        yield shop.platform, shop.name, reason


def _outcomes(*, everything: bool) -> list[Labels]:
    needed: list[Labels] = [(State.DELIVERED.value, ""), *((State.DEAD.value, reason) for reason in DEAD)]
    ignored = [(State.IGNORED.value, reason.value) for reason in Reason]
    waiting = [(State.WAITING.value, reason) for reason in (*FAILED, *map(str, WaitingReason))]
    return [*needed, *ignored, *waiting] if everything else needed


def _calls(*, everything: bool) -> list[Labels]:
    failed = [("purchase", result) for result in (*FAILED, "http_4xx")]
    return [*((event, "ok") for event in (EVENT_TYPES if everything else ["purchase"])), *failed]


class WithZeros:
    """A collector of prometheus_client: what another one collects, and 0 for the known series that it lacks."""

    def __init__(self, collected: Any, known: Mapping[Metric, Iterable[Labels]]) -> None:
        """`collected` is the other collector."""
        self._collected, self._known = collected, known

    def collect(self) -> Iterator[Any]:
        """Yield every metric."""
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - loaded only where metrics are on

        found = {family.name: family for family in self._collected.collect()}
        for metric, known in self._known.items():
            name = metric.full_name.removesuffix("_total")
            family = found.setdefault(name, CounterMetricFamily(name, metric.summary, labels=metric.labels))
            there = {tuple(one.labels[label] for label in metric.labels) for one in family.samples}
            for labels in known:
                if labels not in there:
                    family.add_sample(metric.full_name, dict(zip(metric.labels, labels, strict=True)), 0.0)
            family.samples = _Interruptible(family.samples)
        yield from found.values()


class _Interruptible(list[Any]):
    """Samples, between which a web process serves webhooks while it writes many of them."""

    def __iter__(self) -> Iterator[Any]:
        for number, sample in enumerate(super().__iter__(), 1):
            if number % PAUSE_EVERY == 0:
                green_threads.yield_control()
            yield sample
