"""What this web process sees, gathered in memory and written down every few seconds: never in a request's way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.activity import ActivityCount, ActivityKind, record
from webhook_app.signing.base import fingerprint
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.instrumentation import Meter

WRITE_EVERY = 2.0  # seconds
LATENCY_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)  # milliseconds
MAX_PENDING = 10_000  # different ones in memory, while the database is away

# What is counted: shop, kind, name and hour.
_What = tuple[str, ActivityKind, str, int]


def latency_bucket(seconds: float) -> str:
    """Return the smallest of the steps that holds so long a time, in milliseconds; the last holds everything."""
    return next((str(step) for step in LATENCY_BUCKETS if seconds * 1000 <= step), str(LATENCY_BUCKETS[-1]))


class ActivityRecorder:
    """Gathers what was seen of configured shops. Its methods may be called from any thread and raise nothing."""

    def __init__(self, inbox: Inbox, shops: Mapping[str, Shop], meter: Meter) -> None:
        """Nothing is written before flush(), or start(); `meter` is told the same."""
        self._inbox, self._shops, self._meter = inbox, shops, meter
        self._fingerprints = {shop.name: tuple(map(fingerprint, shop.secrets)) for shop in shops.values()}
        self._seen: dict[_What, list[int]] = {}  # how often, when first, when last
        self._mutex, self._ended = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logs.logger()

    def start(self) -> None:
        """Write down from now on every few seconds, from a thread of our own."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write down what there is, and end."""
        self._ended.set()
        if self._thread:
            self._thread.join()
        self.flush()

    def accepted(self, shop: Shop, topic: str, secret: int, status: str, seconds: float) -> None:
        """Note a proven webhook, which was answered with `status` after so many seconds.

        `secret` is the place of the one that proved it.
        """
        now = self._inbox.clock()
        self._meter.accepted(shop.platform, shop.name, status, seconds)
        self._count(shop.name, ActivityKind.TOPIC, topic, now)
        self._count(shop.name, ActivityKind.SECRET, self._fingerprints[shop.name][secret], now)
        self._count(shop.name, ActivityKind.ACCEPT, latency_bucket(seconds), now)

    def refused(self, shop: Shop, reason: str) -> None:
        """Note a webhook that was not stored; `reason` is a word of ours and never a sender's."""
        self._meter.refused(shop.platform, shop.name, reason)
        self._count(shop.name, ActivityKind.REFUSAL, reason, self._inbox.clock())

    def flush(self) -> None:
        """Write down what was gathered; it stays in memory where the database is away."""
        with self._mutex:
            seen, self._seen = self._seen, {}
        if not seen:
            return
        try:
            record(self._inbox, [self._sighting(what, counted) for what, counted in seen.items()])
        except StoreUnavailableError as error:
            self._log.debug("store_unavailable", error=str(error))
            self._put_back(seen)
        except Exception:  # noqa: BLE001 - nothing that is only counted may hurt whoever counts it
            self._log.exception("unexpected_error")

    def _run(self) -> None:
        while not self._ended.wait(WRITE_EVERY):
            self.flush()

    def _count(self, shop: str, kind: ActivityKind, name: str, now: int) -> None:
        what = (shop, kind, name, now // HOUR)
        with self._mutex:
            counted = self._seen.get(what)
            if counted:
                counted[0] += 1
                counted[2] = now
            elif len(self._seen) < MAX_PENDING:
                self._seen[what] = [1, now, now]

    def _put_back(self, seen: Mapping[_What, list[int]]) -> None:
        with self._mutex:
            for what, (count, first, last) in seen.items():
                later = self._seen.get(what, [0, first, last])
                if len(self._seen) < MAX_PENDING or later[0]:
                    self._seen[what] = [count + later[0], first, max(later[2], last)]

    def _sighting(self, what: _What, counted: list[int]) -> ActivityCount:
        shop, kind, name, _ = what
        return ActivityCount(shop, self._shops[shop].platform, kind, name, *counted)
