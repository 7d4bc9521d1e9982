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
from webhook_app.delivery.dispatcher import Dispatcher, Job
from webhook_app.delivery.preparation import Preparation
from webhook_app.delivery.scheduler import Scheduler
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import count_check, retries
from webhook_app.inbox.retention import Retention, sweep
from webhook_app.instrumentation import NullMeter, NullTracer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery, Inbox, Settlement
    from webhook_app.instrumentation import Meter, Tracer
    from webhook_app.platforms.base import Platform
    from webhook_app.translation.translate import AgeLimits
    from webhook_app.tweakwise import retry_policy
    from webhook_app.tweakwise.client import CallResult, Client

MAX_IDLE = 30.0  # seconds; a wake-up ends the wait sooner, this bounds it where notifications are unavailable
SWEEP_EVERY = 60.0  # seconds
CHECK_COUNTS_FOR = 0.1  # seconds in each sweep
SWEEP_EVERYWHERE_EVERY = 6 * 3600.0  # seconds; other sweeps end where no old rows are found any more
STORE_PAUSE = 1.0  # seconds between two attempts while the store is unavailable
STOP_TIMEOUT = 8.0  # seconds for calls in flight; hosts kill after 10
MAX_CLAIM = 256  # deliveries at a time
MAX_IN_PROGRESS = 1024  # deliveries of one worker
THROUGHPUT_PERIOD = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The settings of a worker.

    `threads` is the number of calls of each shop that may be in flight, `max_rate` how many calls of all shops may
    begin per second.
    """

    threads: int
    ages: AgeLimits
    policy: retry_policy.Policy
    retention: Retention
    max_rate: float | None = None


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
    ) -> None:
        """Nothing starts before run(); without `meter` nothing is measured, without `tracer` nothing is traced."""
        self._inbox, self._options, self._meter = inbox, options, meter or NullMeter()
        self._tracer = tracer or NullTracer()
        self._preparation = Preparation(inbox, shops, platforms, options.ages)
        self._scheduler = Scheduler(inbox, shops, client.url, options.max_rate)
        self._dispatcher = Dispatcher(client, options.threads, inbox.clock, inbox.wakeups.interrupt)
        self._throughput = _Throughput(2 * options.threads)
        self._in_progress: Counter[str] = Counter()  # by shop: submitted to the dispatcher and not returned
        self._to_release: list[Delivery] = []  # claimed and not sent
        self._stopping, self._stop_at = threading.Event(), float("inf")
        self._log = logs.logger()

    def run(self) -> None:
        """Work until stop() is called, then finish the calls in flight and release the rest."""
        self._log.info("worker_started", threads=self._options.threads)
        self._dispatcher.start()
        threading.Thread(target=self._sweep_all, daemon=True).start()
        with contextlib.suppress(StoreUnavailableError):
            self._inbox.wakeups.wait(0)  # subscribe before the first claim, or a wake-up in between would be lost
        while not self._stopping.is_set():
            try:
                self._step()
            except StoreUnavailableError as error:
                self._log.warning("store_unavailable", error=str(error))
                self._stopping.wait(STORE_PAUSE)
        self._finish()

    def stop(self) -> None:
        """Make run() return; may be called from a signal handler."""
        self._stop_at = time.monotonic() + STOP_TIMEOUT
        self._stopping.set()
        self._inbox.wakeups.interrupt()

    def _step(self) -> None:
        """Settle what was sent, then claim and submit more, or wait until there is more."""
        self._settle_results()
        shares, ask_again_at = self._scheduler.next(MAX_CLAIM, self._capacity)
        if shares:
            claimed = self._inbox.claim(shares)
            try:
                self._process(claimed)
            finally:
                self._to_release += claimed
        elif not self._stopping.is_set():
            wait = MAX_IDLE if ask_again_at is None else (ask_again_at - self._inbox.clock()) / 1000
            self._inbox.wakeups.wait(min(wait, MAX_IDLE))

    def _capacity(self, shop: str) -> int:
        """Return how many more deliveries of a shop to claim; 0 until half of its places are free, to claim in bulk."""
        places = self._throughput.places()
        free = places - self._in_progress[shop]
        return free if 2 * free >= places and self._in_progress.total() < MAX_IN_PROGRESS else 0

    def _process(self, claimed: list[Delivery]) -> None:
        """Prepare and submit claimed deliveries, and remove them from the list; it keeps those it could not process.

        When the group raises an exception, its deliveries are processed one by one, so that only the faulty one dies.
        """
        try:
            self._prepare(claimed)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - logged, and only the faulty delivery dies
            self._log.exception("unexpected_error", deliveries=len(claimed))
            if len(claimed) == 1:
                self._settle([outcomes.internal_error(claimed[0], error)])
            else:
                while claimed:
                    self._process(claimed[:1])
                    del claimed[0]
        claimed.clear()

    def _prepare(self, claimed: Sequence[Delivery]) -> None:
        jobs, settled = self._preparation.prepare(claimed)
        if settled:
            self._settle(settled)
        self._in_progress.update(job.shop.name for job in jobs)
        self._scheduler.submitted(job.shop.name for job in jobs)
        self._dispatcher.submit(jobs)

    def _settle_results(self) -> None:
        """Settle the calls that have ended, and release the deliveries that were not sent.

        A release is safe even if the database lost the claim in a crash: it applies only while the lease is ours.
        """
        done = self._dispatcher.results()
        self._in_progress.subtract(one.job.shop.name for one in done)
        self._to_release += [one.job.delivery for one in done if not one.result]
        attempts = [(one.job, one.result) for one in done if one.result]
        if attempts:
            self._settle([self._outcome(job, result) for job, result in attempts])
            self._scheduler.record_results((job.shop, result.failure) for job, result in attempts)
            self._throughput.count(len(attempts))
        if self._to_release:
            self._inbox.release(self._to_release)
            self._to_release = []

    def _outcome(self, job: Job, result: CallResult[Job]) -> Settlement:
        now, policy = self._inbox.clock(), self._options.policy
        return outcomes.attempted(
            job.delivery, job.call, result.failure, policy, now=now, took=result.milliseconds, jitter=random.random
        )

    def _settle(self, settlements: Sequence[Settlement]) -> None:
        """Write the outcomes to the inbox and log each; retry while the store is unavailable and the leases hold."""
        while True:
            try:
                written = self._inbox.settle(settlements)
                break
            except StoreUnavailableError as error:
                lapsed = self._inbox.clock() > settlements[0].delivery.due_at
                if lapsed or time.monotonic() > self._stop_at:
                    raise
                self._log.warning("store_unavailable", error=str(error))
                time.sleep(STORE_PAUSE)
        now = self._inbox.clock()
        self._tracer.settled(self._inbox, settlements, now)
        for settlement, settled in zip(settlements, written, strict=True):
            if settled:
                self._meter.settled(settlement, now, settlement.took)
            self._log_settlement("delivery_settled" if settled else "lease_lost", settlement)

    def _log_settlement(self, event: str, settlement: Settlement) -> None:
        delivery = settlement.delivery
        self._log.info(
            event,
            id=delivery.id,
            shop=delivery.shop,
            topic=delivery.topic,
            state=str(settlement.state),
            reason=str(settlement.reason) or None,
            attempt=delivery.attempts + settlement.attempted,
            ms=settlement.took,
        )

    def _sweep_all(self) -> None:
        whole_at = 0.0
        while not self._stopping.wait(SWEEP_EVERY):
            whole = time.monotonic() >= whole_at
            try:
                self._inbox.recall_leases()
                retries.correct(self._inbox, outcomes.longest_pause(self._options.policy))
                wiped, gone = sweep(self._inbox, self._options.retention, self._stopping.is_set, everywhere=whole)
                whole_at = time.monotonic() + SWEEP_EVERYWHERE_EVERY if whole else whole_at
                if wiped or gone:
                    self._log.info("retention_applied", bodies=wiped, rows=gone)
                count_check.check_some(self._inbox, CHECK_COUNTS_FOR)
            except StoreUnavailableError as error:
                self._log.warning("store_unavailable", error=str(error))

    def _finish(self) -> None:
        finished = self._dispatcher.stop(max(self._stop_at - time.monotonic(), 0))
        with contextlib.suppress(StoreUnavailableError):
            self._settle_results()
        self._tracer.close()
        self._log.info("worker_stopped", unfinished=0 if finished else self._in_progress.total())


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
