"""The sending thread: has as many calls in flight as allowed, and returns the result of each."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.tweakwise.client import TIMEOUT, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery
    from webhook_app.tweakwise.call import Call
    from webhook_app.tweakwise.client import CallResult

MAX_WAIT = 1.0  # seconds in the client before the loop checks for work again
MAX_IN_FLIGHT = 512  # calls of all shops together
# Milliseconds of the lease that must remain when a call begins, or it might expire before the result is known.
MIN_LEASE_LEFT = 2000 * TIMEOUT


@dataclass(frozen=True, slots=True)
class Job:
    """One call to send for a delivery."""

    delivery: Delivery
    shop: Shop
    call: Call


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A job that left the dispatcher; `result` is None when it was not sent."""

    job: Job
    result: CallResult[Job] | None


class Dispatcher:
    """Sends jobs in its own thread; submit(), results() and stop() are called from another one.

    Each shop has its own calls in flight, so that a shop whose calls hang blocks no other.
    """

    def __init__(
        self, client: Client[Job], parallel: int, clock: Callable[[], int], on_result: Callable[[], None]
    ) -> None:
        """At most `parallel` calls of a shop are in flight; `on_result` is called when results() has something."""
        self._client, self._parallel, self._clock, self._on_result = client, parallel, clock, on_result
        self._submitted: deque[Job] = deque()
        self._queues: defaultdict[str, deque[Job]] = defaultdict(deque)
        self._in_flight: Counter[str] = Counter()
        self._done: deque[Dispatched] = deque()
        self._stopping = threading.Event()
        self._log = logs.logger()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, jobs: Iterable[Job]) -> None:
        """Send these jobs as soon as their shop has room."""
        self._submitted.extend(jobs)
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
        rest = [*self._submitted, *(job for queue in self._queues.values() for job in queue)]
        self._publish([Dispatched(job, None) for job in rest])
        self._client.close()

    def _begin(self) -> None:
        for _ in range(len(self._submitted)):
            job = self._submitted.popleft()
            self._queues[job.shop.name].append(job)
        for shop, queue in self._queues.items():
            while queue and self._has_room(shop):
                self._start(queue.popleft())

    def _has_room(self, shop: str) -> bool:
        full = self._in_flight[shop] >= self._parallel or self._client.in_flight >= MAX_IN_FLIGHT
        return not full and not self._stopping.is_set()

    def _start(self, job: Job) -> None:
        if job.delivery.due_at - self._clock() < MIN_LEASE_LEFT:
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
