"""Activity of this web process: counted in memory and written to the inbox every few seconds, outside requests.

The first of a topic or of a refusal is written at once: who sets up a shop waits for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind, record
from webhook_app.platforms.address import normal_form
from webhook_app.signing.base import fingerprint
from webhook_app.time_units import HOUR
from webhook_app.web.periodic import PeriodicCall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.instrumentation import Meter

WRITE_EVERY = 2.0  # seconds
LATENCY_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)  # upper bounds in milliseconds
AGREED = "registration"  # in place of the fingerprint of a secret that an app agreed with its shop
LONGEST_NAME = 128  # characters, as in the table
MAX_PENDING = 10_000  # different counts in memory while the database is unavailable

# Shop, kind, name and hour.
_Key = tuple[str, ActivityKind, str, int]


def latency_bucket(seconds: float) -> str:
    """Return the smallest latency bucket that holds a duration; the last one also holds every longer one."""
    return next((str(bound) for bound in LATENCY_BUCKETS if seconds * 1000 <= bound), str(LATENCY_BUCKETS[-1]))


class ActivityRecorder:
    """Counts the webhooks of configured shops. Its methods may be called from any thread and raise nothing."""

    def __init__(self, inbox: Inbox, shops: Mapping[str, Shop], meter: Meter) -> None:
        """Nothing is written before flush() or start(); `meter` records the same."""
        self._inbox, self._shops, self._meter = inbox, shops, meter
        self._fingerprints = {shop.name: tuple(map(fingerprint, shop.secrets)) for shop in shops.values()}
        self._counts: dict[_Key, list[int]] = {}  # count, first and last time
        self._seen: set[tuple[str, ActivityKind, str]] = set()  # by this process
        self._mutex, self._writing = threading.Lock(), PeriodicCall(self.flush, WRITE_EVERY)
        self._log = logs.logger()

    @property
    def pending(self) -> int:
        """How many different counts are in memory."""
        return len(self._counts)

    def start(self) -> None:
        """Start the thread that writes every few seconds."""
        self._writing.start()

    def close(self) -> None:
        """Stop the thread and write the rest."""
        self._writing.close()
        self.flush()

    def accepted(self, shop: Shop, topic: str, secret: int, seconds: float, domain: str = "") -> None:
        """Count a verified webhook from `domain` that was stored after `seconds`.

        `secret` is its secret's index; one that is not listed was agreed by a registration.
        """
        self._meter.answered(seconds)
        listed = self._fingerprints[shop.name]
        names = {
            ActivityKind.TOPIC: topic,
            ActivityKind.SECRET: listed[secret] if secret < len(listed) else AGREED,
            ActivityKind.ACCEPT: latency_bucket(seconds),
        }
        if address := normal_form(domain):
            names[ActivityKind.ADDRESS] = address[:LONGEST_NAME]
        self._count(shop.name, names)
        self._write_first((shop.name, ActivityKind.TOPIC, topic))

    def refused(self, shop: Shop, reason: str) -> None:
        """Count a webhook that was not stored; `reason` is a reason code, never text of the sender."""
        self._meter.refused(shop.platform, shop.name, reason)
        self._count(shop.name, {ActivityKind.REFUSAL: reason})
        self._write_first((shop.name, ActivityKind.REFUSAL, reason))

    def flush(self) -> None:
        """Write the counts to the inbox; they stay in memory while the database is unavailable."""
        with self._mutex:
            pending, self._counts = self._counts, {}
        if not pending:
            return
        try:
            record(self._inbox, [self._as_activity(key, counted) for key, counted in pending.items()])
        except StoreUnavailableError as error:
            self._log.debug("store_unavailable", error=str(error))
            self._put_back(pending)
        except Exception:  # noqa: BLE001 - an error in counting must not fail a request
            self._log.exception("unexpected_error")

    def _count(self, shop: str, names: Mapping[ActivityKind, str]) -> None:
        now = self._inbox.clock()
        with self._mutex:
            for kind, name in names.items():
                counted = self._counts.get(key := (shop, kind, name, now // HOUR))
                if counted:
                    counted[0] += 1
                    counted[2] = now
                elif len(self._counts) < MAX_PENDING:
                    self._counts[key] = [1, now, now]

    def _write_first(self, what: tuple[str, ActivityKind, str]) -> None:
        """Write soon what this process sees first."""
        if what not in self._seen and len(self._seen) < MAX_PENDING:
            self._seen.add(what)
            self._writing.soon()

    def _put_back(self, pending: Mapping[_Key, list[int]]) -> None:
        with self._mutex:
            for key, (count, first, last) in pending.items():
                later = self._counts.get(key, [0, first, last])
                if len(self._counts) < MAX_PENDING or later[0]:
                    self._counts[key] = [count + later[0], first, max(later[2], last)]

    def _as_activity(self, key: _Key, counted: list[int]) -> ActivityCount:
        shop, kind, name, _ = key
        return ActivityCount(shop, self._shops[shop].platform, kind, name, *counted)
