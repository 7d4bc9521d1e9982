"""The thread that sends: it keeps as many calls under way as it may, and hands back what became of each."""

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

LONGEST_TURN = 1.0  # seconds
MOST_UNDER_WAY = 512  # calls of all shops together
# A lease that ends sooner might run out on the way.
SAFELY = 2000 * TIMEOUT  # milliseconds


@dataclass(frozen=True, slots=True)
class Job:
    """One call to be made for a delivery."""

    delivery: Delivery
    shop: Shop
    call: Call


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A job that was sent, or given back unsent where `sent` is None."""

    job: Job
    sent: CallResult[Job] | None


class Dispatcher:
    """Sends jobs from a thread of its own; put(), take() and stop() are called from another one.

    Each shop has its own calls under way, so that one whose calls hang takes no place from another.
    """

    def __init__(self, sender: Client[Job], parallel: int, clock: Callable[[], int], heard: Callable[[], None]) -> None:
        """At most `parallel` calls of a shop are under way; `heard` is called when there is something to take."""
        self._sender, self._parallel, self._clock, self._heard = sender, parallel, clock, heard
        self._arrived: deque[Job] = deque()
        self._waiting: defaultdict[str, deque[Job]] = defaultdict(deque)
        self._under_way: Counter[str] = Counter()
        self._done: deque[Dispatched] = deque()
        self._stopping = threading.Event()
        self._log = logs.logger()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, jobs: Iterable[Job]) -> None:
        """Send these as soon as there is room."""
        self._arrived.extend(jobs)
        self._sender.wake()

    def take(self) -> list[Dispatched]:
        """Return what became of jobs since the last time."""
        return [self._done.popleft() for _ in range(len(self._done))]

    def stop(self, within: float) -> bool:
        """Begin nothing more, let what is under way end, and give back the rest; False if it took longer."""
        self._stopping.set()
        self._sender.wake()
        self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while self._sender.under_way or not self._stopping.is_set():
            try:
                self._begin()
                self._finish(self._sender.finished(LONGEST_TURN))
            except Exception:  # noqa: BLE001 - leases run out and another try is made; this thread must live on
                self._log.exception("dispatch_failed")
        left = [*self._arrived, *(job for queue in self._waiting.values() for job in queue)]
        self._hand_back([Dispatched(job, None) for job in left])
        self._sender.close()

    def _begin(self) -> None:
        for _ in range(len(self._arrived)):
            job = self._arrived.popleft()
            self._waiting[job.shop.name].append(job)
        for shop, queue in self._waiting.items():
            while queue and self._has_room(shop):
                self._start(queue.popleft())

    def _has_room(self, shop: str) -> bool:
        full = self._under_way[shop] >= self._parallel or self._sender.under_way >= MOST_UNDER_WAY
        return not full and not self._stopping.is_set()

    def _start(self, job: Job) -> None:
        if job.delivery.due_at - self._clock() < SAFELY:
            self._hand_back([Dispatched(job, None)])
            return
        try:
            self._sender.start(job, job.call, job.shop)
            self._under_way[job.shop.name] += 1
        except Exception:
            self._hand_back([Dispatched(job, None)])
            raise

    def _finish(self, finished: list[CallResult[Job]]) -> None:
        self._under_way.subtract(sent.ticket.shop.name for sent in finished)
        self._hand_back([Dispatched(sent.ticket, sent) for sent in finished])

    def _hand_back(self, done: list[Dispatched]) -> None:
        self._done.extend(done)
        if done:
            self._heard()
