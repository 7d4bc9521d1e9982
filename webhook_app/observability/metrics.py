"""Measures with Prometheus's own library: counters and histograms of one process, or of several together."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhook_app.instrumentation import NullMeter

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings
    from webhook_app.inbox import Settlement
    from webhook_app.instrumentation import Meter

# Where prometheus_client keeps the numbers of processes that are scraped together; it reads this when it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a name that nobody else has is made there

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)
# Statuses that have a label of their own; of the others only the class is told, or a label could have 500 values.
OWN_LABELS = frozenset({401, 403, 404, 408, 425, 429, 500, 502, 503, 504})


class PrometheusMeter:
    """Measures for Prometheus. Labels hold configured names and words of ours, nothing that anybody sends."""

    def __init__(self) -> None:
        """Make every metric; docs/metrics.md describes them."""
        from prometheus_client import CollectorRegistry, Counter, Histogram  # noqa: PLC0415 - reads FOLDER

        self.registry = CollectorRegistry()

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"webhooks_{name}", about, labels, registry=self.registry)

        def histogram(name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"webhooks_{name}_seconds", about, registry=self.registry, buckets=buckets)

        self._accepted = counter("accepted", "Webhooks answered with 200.", "platform", "shop", "result")
        self._refused = counter("refused", "Webhooks that were not stored.", "platform", "shop", "reason")
        self._settled = counter("settled", "Settled deliveries by outcome.", "shop", "state", "reason")
        self._calls = counter("calls", "Calls to Tweakwise.", "shop", "result")
        self._accept = histogram("accept", "From a webhook's head to its commit.", FAST)
        self._commit = histogram("commit", "A commit, the wait for the disk included.", FAST)
        self._call = histogram("call", "A call to Tweakwise, from its beginning to its end.", FAST)
        self._delivery = histogram("delivery", "From a webhook's arrival until Tweakwise had its event.", SLOW)

    def accepted(self, platform: str, shop: str, result: str, seconds: float | None = None) -> None:
        """Count a webhook that was answered with 200."""
        self._accepted.labels(platform, shop, result).inc()
        if seconds is not None:
            self._accept.observe(seconds)

    def refused(self, platform: str, shop: str, reason: str) -> None:
        """Count a webhook that was not stored."""
        self._refused.labels(platform, shop, reason).inc()

    def committed(self, seconds: float) -> None:
        """Record how long a commit took."""
        self._commit.observe(seconds)

    def settled(self, settlement: Settlement, now: int, milliseconds: int) -> None:
        """Count the outcome of a delivery, and its call if there was one."""
        delivery, reason = settlement.delivery, bounded(settlement.reason)
        self._settled.labels(delivery.shop, settlement.state.value, reason).inc()
        if settlement.attempted:
            self._calls.labels(delivery.shop, result_of(reason)).inc()
            self._call.observe(milliseconds / 1000)
            if not reason:
                self._delivery.observe(max(now - delivery.received_at, 0) / 1000)


def bounded(reason: str) -> str:
    """Return a reason as a label: of a rare status only its class."""
    before, http, status = str(reason).partition("http_")
    return f"{before}{http}{status[:1]}xx" if http and int(status) not in OWN_LABELS else str(reason)


def result_of(reason: str) -> str:
    """Return what a call ended with, given what its delivery was settled with: `ok`, or the failure's name."""
    return reason.removeprefix("gave_up_").removeprefix("parked_") or "ok"


def meter(config: Settings) -> Meter:
    """Return what the settings ask for."""
    return PrometheusMeter() if config.metrics_token else NullMeter()


def share(config: Settings) -> None:
    """Let this process and those it starts be scraped together; to be called before prometheus_client is loaded.

    A folder that was named from outside is kept, without the numbers of processes that are gone.
    """
    if not config.metrics_token:
        return
    if folder := os.environ.get(FOLDER):
        Path(folder).mkdir(parents=True, exist_ok=True)
        _forget_the_dead(Path(folder))
    else:
        made = tempfile.mkdtemp(prefix="webhooks-metrics-", dir=MEMORY if MEMORY.is_dir() else None)
        os.environ[FOLDER] = made
        atexit.register(_remove, made, os.getpid())


def _forget_the_dead(folder: Path) -> None:
    for file in folder.glob("*_*.db"):
        if not Path(f"/proc/{file.stem.rpartition('_')[2]}").exists():
            file.unlink(missing_ok=True)


def _remove(folder: str, maker: int) -> None:
    """Remove the folder; forked processes inherit the wish and must not follow it."""
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


def collector(meter: PrometheusMeter) -> Any:
    """Return what is to be scraped: the numbers of all processes that share a folder, or of this one alone."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return meter.registry
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - only who is scraped needs it

    make: Any = MultiProcessCollector
    return make(None, folder)
