"""The sending thread: has as many calls in flight as allowed, and returns the result of each."""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.time_units import uptime
from webhook_app.tweakwise.client import TIMEOUT, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery
    from webhook_app.tweakwise.call import Call
    from webhook_app.tweakwise.client import CallResult

MAX_WAIT = 1.0  # seconds in the client before the loop checks for work again
MAX_IN_FLIGHT = 512  # calls of all shops together
# Seconds of the lease that must remain when a call begins, or it might expire before the result is known.
MIN_LEASE_LEFT = 2 * TIMEOUT


@dataclass(frozen=True, slots=True)
class Job:
    """One call to send for a delivery; `order_name` is the number or name of its order, "" if it has none."""

    delivery: Delivery
    shop: Shop
    call: Call
    order_name: str = ""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A job that left the dispatcher; `result` is None when it was not sent."""

    job: Job
    result: CallResult[Job] | None


@dataclass(frozen=True, slots=True)
class _Queued:
    """A job that has not begun, and until which uptime of this process it may."""

    job: Job
    begin_by: float


class Dispatcher:
    """Sends jobs in its own thread; all public methods are called from another one.

    Each shop has its own calls in flight, so that a shop whose calls hang blocks no other.
    """

    def __init__(self, client: Client[Job], parallel: int, on_result: Callable[[], None]) -> None:
        """At most `parallel` calls of a shop are in flight; `on_result` is called when results() has something."""
        self._client, self._parallel, self._on_result = client, parallel, on_result
        self._submitted: deque[_Queued] = deque()
        self._queues: defaultdict[str, deque[_Queued]] = defaultdict(deque)
        self._hold_from, self._gives_back = math.inf, False
        self._in_flight: Counter[str] = Counter()
        self._done: deque[Dispatched] = deque()
        self._stopping = threading.Event()
        self._log = logs.logger()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, jobs: Iterable[Job], begin_by: float) -> None:
        """Send these jobs as soon as their shop has room; return those unsent that did not begin by that uptime."""
        self._submitted.extend(_Queued(job, begin_by) for job in jobs)
        self._client.wake()

    def hold(self, after: float) -> None:
        """Begin no call from `after` seconds on, until resume()."""
        self._hold_from = uptime() + after

    def give_back(self) -> None:
        """Begin no call until resume(), and return unsent what has not begun."""
        self._hold_from, self._gives_back = 0.0, True
        self._client.wake()

    def resume(self) -> None:
        """Begin calls again."""
        held, self._hold_from = uptime() >= self._hold_from, math.inf
        if held:
            self._client.wake()

    def results(self) -> list[Dispatched]:
        """Return the jobs that were finished or released since the last call."""
        return [self._done.popleft() for _ in range(len(self._done))]

    def stop(self, within: float) -> bool:
        """Begin no more calls, finish those in flight and release the rest; False if it took longer (seconds)."""
        self._stopping.set()
        self._client.wake()
        self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while self._client.in_flight or not self._stopping.is_set():
            try:
                self._begin()
                self._finish(self._client.finished(MAX_WAIT))
            except Exception:  # noqa: BLE001 - leases expire and the calls are retried; this thread must live on
                self._log.exception("dispatch_failed")
        self._queue_submitted()
        self._return_queued()
        self._client.close()

    def _begin(self) -> None:
        self._queue_submitted()
        if self._gives_back:
            self._gives_back = False
            self._return_queued()
        for shop, queue in self._queues.items():
            while queue and self._has_room(shop):
                self._start(queue.popleft())

    def _has_room(self, shop: str) -> bool:
        full = self._in_flight[shop] >= self._parallel or self._client.in_flight >= MAX_IN_FLIGHT
        return not full and not self._stopping.is_set() and uptime() < self._hold_from

    def _queue_submitted(self) -> None:
        for _ in range(len(self._submitted)):
            queued = self._submitted.popleft()
            self._queues[queued.job.shop.name].append(queued)

    def _return_queued(self) -> None:
        """Publish unsent all that has not begun."""
        rest = [Dispatched(queued.job, None) for queue in self._queues.values() for queued in queue]
        self._queues.clear()
        self._publish(rest)

    def _start(self, queued: _Queued) -> None:
        job = queued.job
        if uptime() > queued.begin_by:
            self._publish([Dispatched(job, None)])
            return
        try:
            self._client.start(job, job.call, job.shop)
            self._in_flight[job.shop.name] += 1
        except Exception:
            self._publish([Dispatched(job, None)])
            raise

    def _finish(self, results: list[CallResult[Job]]) -> None:
        self._in_flight.subtract(result.ticket.shop.name for result in results)
        self._publish([Dispatched(result.ticket, result) for result in results])

    def _publish(self, done: list[Dispatched]) -> None:
        self._done.extend(done)
        if done:
            self._on_result()
