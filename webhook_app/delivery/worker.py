"""The worker's loop: claim, translate, send, settle, until stop() is called."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.delivery import outcomes
from webhook_app.delivery.dispatcher import MIN_LEASE_LEFT, Dispatcher, Job
from webhook_app.delivery.maintenance import Maintenance
from webhook_app.delivery.preparation import Preparation
from webhook_app.delivery.privacy_worker import PrivacyWorker
from webhook_app.delivery.scheduler import RETRY_CLAIM_AFTER, Scheduler
from webhook_app.delivery.settler import Settler
from webhook_app.errors import StoreUnavailableError
from webhook_app.instrumentation import NullMeter, NullTracer
from webhook_app.time_units import uptime
from webhook_app.translation.translate import order_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery, Inbox, Settlement
    from webhook_app.inbox.retention import Retention
    from webhook_app.instrumentation import Meter, Tracer
    from webhook_app.platforms.base import Platform
    from webhook_app.translation.translate import AgeLimits
    from webhook_app.tweakwise import retry_policy
    from webhook_app.tweakwise.client import CallResult, Client
    from webhook_app.tweakwise.retry_policy import Failure

    Background = Callable[[threading.Event], object]

MAX_IDLE = 30.0  # seconds; a wake-up ends the wait sooner, this bounds it where notifications are unavailable
STORE_PAUSE = 1.0  # seconds between two attempts while the store is unavailable
CLAIM_PAUSE = 5.0  # seconds after a failure of the store before claiming: all workers settle what they sent first
STORE_SLOW = 0.5  # seconds without an answer of the store, after which no call begins
MAX_EMPTY_PAUSE = 1.0  # seconds between two claims that find nothing, for leases that are not abandoned yet
STOP_TIMEOUT = 8.0  # seconds for calls in flight; hosts kill after 10
MAX_CLAIM = 256  # deliveries at a time
MAX_IN_PROGRESS = 1024  # deliveries of one worker
THROUGHPUT_PERIOD = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The settings of a worker.

    `spool` is the path of this machine's, which privacy requests concern too.
    `threads` is the number of calls of each shop that may be in flight, `max_rate` how many calls of all shops may
    begin per second.
    """

    threads: int
    ages: AgeLimits
    policy: retry_policy.Policy
    retention: Retention
    max_rate: float | None = None
    spool: str | None = None


class Worker:
    """One process's worker: the calling thread claims, translates and settles; the dispatcher's thread sends."""

    def __init__(  # noqa: PLR0913 - what it works with, and what measures it
        self,
        inbox: Inbox,
        shops: Mapping[str, Shop],
        platforms: Mapping[str, Platform],
        client: Client[Job],
        options: WorkerOptions,
        *,
        meter: Meter | None = None,
        tracer: Tracer | None = None,
        background: Sequence[Background] = (),
    ) -> None:
        """Nothing starts before run(); without `meter` nothing is measured, without `tracer` nothing is traced.

        Each of `background` runs in a thread, until the event that it is called with is set.
        """
        self._background = background
        self._inbox, self._options, self._tracer = inbox, options, tracer or NullTracer()
        self._reference_of = order_reader(platforms)
        self._settler = Settler(inbox, meter or NullMeter(), self._tracer)
        self._stopping, self._stop_at = threading.Event(), float("inf")
        self._privacy = PrivacyWorker(inbox, shops, self._stopping.is_set, options.spool)
        self._preparation = Preparation(inbox, shops, platforms, options.ages, self._privacy.wake)
        self._scheduler = Scheduler(inbox, shops, client.url, options.max_rate)
        self._dispatcher = Dispatcher(client, options.threads, inbox.wakeups.interrupt)
        self._throughput = _Throughput(2 * options.threads)
        self._in_progress: Counter[str] = Counter()  # by shop: submitted to the dispatcher and not returned
        self._to_release: list[Delivery] = []  # claimed and not sent
        self._results: list[tuple[Shop, Failure | None]] = []  # of calls, not recorded in the throttles yet
        self._claim_from, self._empty_pause = 0.0, 0.0
        self._log = logs.logger()

    def run(self) -> None:
        """Work until stop() is called, then finish the calls in flight and release the rest."""
        self._log.info("worker_started", threads=self._options.threads)
        self._dispatcher.start()
        options = self._options
        maintenance = Maintenance(self._inbox, options.policy, options.retention, self._reference_of)
        for task in self._background:
            threading.Thread(target=task, args=(self._stopping,), daemon=True).start()
        privacy = threading.Thread(target=self._privacy.run, daemon=True)
        privacy.start()
        with contextlib.suppress(StoreUnavailableError):
            self._inbox.wakeups.wait(0)  # subscribe before the first claim, or a wake-up in between would be lost
        threading.Thread(target=maintenance.run, args=(self._stopping,), daemon=True).start()
        while not self._stopping.is_set():
            try:
                if wait := self._step():
                    self._inbox.wakeups.wait(wait)
            except StoreUnavailableError as error:
                self._store_failed(error)
                self._stopping.wait(STORE_PAUSE)
        self._privacy.wake()
        self._finish()
        privacy.join(max(self._stop_at - time.monotonic(), 0))
        maintenance.close()

    def stop(self) -> None:
        """Make run() return; may be called from a signal handler."""
        self._stop_at = time.monotonic() + STOP_TIMEOUT
        self._stopping.set()
        self._inbox.wakeups.interrupt()

    def _step(self) -> float:
        """Settle what was sent, then claim and submit more; return for how many seconds to wait until the next step.

        While the store does not answer no call begins, so that there is no more to settle than was in flight.
        """
        self._dispatcher.hold(STORE_SLOW)
        self._settle_results()
        pause = self._claim_from - uptime()
        wait = self._claim() if pause <= 0 else pause
        self._dispatcher.resume()
        return 0.0 if self._stopping.is_set() else wait

    def _store_failed(self, error: StoreUnavailableError) -> None:
        """Begin no call and claim nothing for now; what was claimed and has not begun is released afterwards.

        A server that crashed may have lost the claim, and then another worker has the delivery already.
        """
        self._inbox.outages.failed(error, unsettled=self._settler.unsettled)
        self._dispatcher.give_back()
        self._claim_from = uptime() + CLAIM_PAUSE

    def _claim(self) -> float:
        """Claim and submit what may be sent now; return how many seconds later to ask again."""
        shares, ask_again = self._scheduler.next(MAX_CLAIM, self._capacity)
        if not shares:
            self._inbox.outages.ended(wrote=False)
            return MAX_IDLE if ask_again is None else min(ask_again, MAX_IDLE)
        begin_by = uptime() + self._inbox.lease - MIN_LEASE_LEFT
        claimed = self._inbox.claim(shares, self._scheduler.abandoned_before)
        self._inbox.outages.ended(wrote=bool(claimed))
        self._empty_pause = 0.0 if claimed else min(max(2 * self._empty_pause, RETRY_CLAIM_AFTER), MAX_EMPTY_PAUSE)
        try:
            self._process(claimed, begin_by)
        finally:
            self._to_release += claimed
        return self._empty_pause

    def _capacity(self, shop: str) -> int:
        """Return how many more deliveries of a shop to claim; 0 until half of its places are free, to claim in bulk."""
        places = self._throughput.places()
        free = places - self._in_progress[shop]
        return free if 2 * free >= places and self._in_progress.total() < MAX_IN_PROGRESS else 0

    def _process(self, claimed: list[Delivery], begin_by: float) -> None:
        """Prepare and submit claimed deliveries, and remove them from the list; it keeps those it could not process.

        When the group raises an exception, its deliveries are processed one by one, so that only the faulty one dies.
        """
        try:
            self._prepare(claimed, begin_by)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - logged, and only the faulty delivery dies
            self._log.exception("unexpected_error", deliveries=len(claimed))
            if len(claimed) == 1:
                self._settler.settle([outcomes.internal_error(claimed[0], error)])
            else:
                while claimed:
                    self._process(claimed[:1], begin_by)
                    del claimed[0]
        claimed.clear()

    def _prepare(self, claimed: Sequence[Delivery], begin_by: float) -> None:
        jobs, settled, postponed = self._preparation.prepare(claimed)
        self._to_release += postponed
        self._settler.settle(settled)
        self._in_progress.update(job.shop.name for job in jobs)
        self._scheduler.submitted({job.shop.name for job in jobs})
        self._dispatcher.submit(jobs, begin_by)

    def _settle_results(self) -> None:
        """Settle the calls that have ended, and release the deliveries that were not sent.

        A release is safe even if the database lost the claim in a crash: it applies only while the lease is ours.
        """
        done = self._dispatcher.results()
        self._in_progress.subtract(Counter(one.job.shop.name for one in done))
        self._to_release += [one.job.delivery for one in done if not one.result]
        attempts = [(one.job, one.result) for one in done if one.result]
        self._throughput.count(len(attempts))
        self._results += [(job.shop, result.failure) for job, result in attempts]
        self._settler.settle([self._outcome(job, result) for job, result in attempts])
        self._scheduler.record_results(self._results)
        self._results = []
        if self._to_release:
            self._inbox.release(self._to_release)
            self._to_release = []

    def _outcome(self, job: Job, result: CallResult[Job]) -> Settlement:
        now, policy = self._inbox.clock(), self._options.policy
        return outcomes.attempted(job, result.failure, policy, now=now, took=result.milliseconds, jitter=random.random)

    def _finish(self) -> None:
        self._dispatcher.stop(max(self._stop_at - time.monotonic(), 0))
        while not self._settled_last() and time.monotonic() + STORE_PAUSE < self._stop_at:
            time.sleep(STORE_PAUSE)
        self._tracer.close()
        self._log.info("worker_stopped", unfinished=self._in_progress.total() + self._settler.unsettled)

    def _settled_last(self) -> bool:
        try:
            self._settle_results()
        except StoreUnavailableError as error:
            self._store_failed(error)
            return False
        return True


class _Throughput:
    """Measures calls per second; a shop gets that many places, so that none of its deliveries waits long claimed."""

    def __init__(self, minimum: int) -> None:
        self._minimum, self._places = minimum, minimum
        self._since, self._sent = time.monotonic(), 0

    def count(self, sent: int) -> None:
        self._sent += sent

    def places(self) -> int:
        elapsed = time.monotonic() - self._since
        if elapsed >= THROUGHPUT_PERIOD:
            self._places = min(max(int(self._sent / elapsed), self._minimum), MAX_CLAIM)
            self._since, self._sent = time.monotonic(), 0
        return self._places
