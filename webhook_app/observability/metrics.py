"""Counts and times events with prometheus_client, in one process or in several that are scraped together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook_app.instrumentation import NullMeter
from webhook_app.observability import metrics_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.config.settings import Settings
    from webhook_app.inbox import NewDelivery, Settlement, StoreResult
    from webhook_app.instrumentation import Meter

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)
# Statuses with their own label value; others are labelled by their class, or a label could have 500 values.
OWN_LABELS = frozenset({401, 403, 404, 408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter, or with `buckets` (seconds) a histogram; docs/metrics.md describes every one."""

    name: str
    summary: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as Prometheus shows it."""
        return f"webhooks_{self.name}_{'seconds' if self.buckets else 'total'}"

    def create(self, registry: Any) -> Any:
        """Return the metric of prometheus_client, registered."""
        from prometheus_client import Counter, Histogram  # noqa: PLC0415 - loaded only where metrics are on

        if self.buckets:
            return Histogram(self.full_name, self.summary, self.labels, registry=registry, buckets=self.buckets)
        return Counter(self.full_name, self.summary, self.labels, registry=registry)


ACCEPTED = Metric("accepted", "Webhooks answered with 200.", ("platform", "shop", "result"))
REFUSED = Metric("refused", "Webhooks that were not stored.", ("platform", "shop", "reason"))
SETTLED = Metric("settled", "Settled deliveries by outcome.", ("shop", "state", "reason"))
CALLS = Metric("calls", "Calls to Tweakwise.", ("shop", "event", "result"))
ACCEPT = Metric("accept", "From the head of a webhook to its commit.", buckets=FAST)
COMMIT = Metric("commit", "Duration of a commit, including the wait for the disk.", buckets=FAST)
CALL = Metric("call", "Duration of a call to Tweakwise.", buckets=FAST)
DELIVERY = Metric("delivery", "From receiving a webhook to delivering its event to Tweakwise.", buckets=SLOW)
METRICS = (ACCEPTED, REFUSED, SETTLED, CALLS, ACCEPT, COMMIT, CALL, DELIVERY)


class PrometheusMeter:
    """A meter for Prometheus. Labels hold configured names and words of this program, never text from outside."""

    def __init__(self) -> None:
        """Create every metric in a registry for this meter, or in the folder that processes share (`folder`)."""
        from prometheus_client import CollectorRegistry, values  # noqa: PLC0415 - loaded only where metrics are on

        made: Any = values
        slot = metrics_folder.slot()
        self.folder = slot.folder if slot else None
        made.ValueClass = made.MultiProcessValue(slot.identifier) if slot else made.MutexValue
        self.registry = CollectorRegistry()
        self._metrics = {metric: metric.create(self.registry) for metric in METRICS}

    def accepted(self, platform: str, shop: str, result: str) -> None:
        """Count a webhook that is answered with 200."""
        self._count(ACCEPTED, platform, shop, result)

    def stored(self, arrivals: Sequence[NewDelivery], results: Sequence[StoreResult]) -> None:
        """Count webhooks immediately after their commit: a kill seldom comes in between."""
        for arrival, result in zip(arrivals, results, strict=True):
            self._count(ACCEPTED, arrival.platform, arrival.shop, result.status)

    def answered(self, seconds: float) -> None:
        """Record how long it took from a webhook's head until it was stored."""
        self._record(ACCEPT, seconds)

    def refused(self, platform: str, shop: str, reason: str) -> None:
        """Count a webhook that was not stored."""
        self._count(REFUSED, platform, shop, reason)

    def committed(self, seconds: float) -> None:
        """Record the duration of a commit."""
        self._record(COMMIT, seconds)

    def settled(self, settlement: Settlement, now: int, milliseconds: int) -> None:
        """Count the outcome of a delivery, and its call if there was one."""
        delivery, reason = settlement.delivery, bounded(settlement.reason)
        self._count(SETTLED, delivery.shop, settlement.state.value, reason)
        if settlement.attempted:
            event = settlement.call.event if settlement.call else ""
            self._count(CALLS, delivery.shop, event, result_of(reason))
            self._record(CALL, milliseconds / 1000)
            if not reason:
                self._record(DELIVERY, max(now - delivery.waits_since, 0) / 1000)

    def _count(self, metric: Metric, *labels: str) -> None:
        self._metrics[metric].labels(*labels).inc()

    def _record(self, metric: Metric, seconds: float) -> None:
        self._metrics[metric].observe(seconds)


def bounded(reason: str) -> str:
    """Return a reason as the value of a label: a rare status is replaced by its class."""
    before, http, status = str(reason).partition("http_")
    return f"{before}{http}{status[:1]}xx" if http and int(status) not in OWN_LABELS else str(reason)


def result_of(reason: str) -> str:
    """Return the result of a call from the reason of its delivery: `ok`, or the name of the failure."""
    return reason.removeprefix("gave_up_").removeprefix("parked_") or "ok"


def meter(config: Settings) -> Meter:
    """Return the configured meter; without METRICS_TOKEN nothing is measured."""
    return PrometheusMeter() if config.metrics_token else NullMeter()


def share(config: Settings) -> None:
    """Let this process and its children be scraped together; call this before prometheus_client is imported."""
    if config.metrics_token:
        metrics_folder.share()


def collector(meter: PrometheusMeter) -> Any:
    """Return the collector to scrape: of all processes that share the folder, or of this process alone."""
    if meter.folder is None:
        return meter.registry
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - needed only to scrape

    make: Any = MultiProcessCollector
    return make(None, str(meter.folder))
