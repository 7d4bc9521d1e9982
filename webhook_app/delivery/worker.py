"""Claim, translate, send, settle, until told to stop."""

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

LONGEST_IDLE = 30.0  # seconds; the bell wakes sooner, this is for a bell that nobody could ring
SWEEP_EVERY = 60.0  # seconds
STORE_PAUSE = 1.0  # seconds between two tries while the store is unavailable
STOP_WITHIN = 8.0  # seconds for what is in flight; hosts kill after 10
MOST_CLAIMED = 256  # deliveries at a time
MOST_HELD = 1024  # deliveries by one worker
PACE_OVER = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker goes by.

    `threads` is how many calls of each shop may be under way, `max_rate` how many of all shops may begin a second.
    """

    threads: int
    ages: AgeLimits
    policy: retry_policy.Policy
    retention: Retention
    max_rate: float | None = None


class Worker:
    """One process's worker: the calling thread claims, translates and settles, another one sends."""

    def __init__(  # noqa: PLR0913 - what it works with, and who counts
        self,
        inbox: Inbox,
        shops: Mapping[str, Shop],
        platforms: Mapping[str, Platform],
        sender: Client[Job],
        rules: WorkerOptions,
        *,
        meter: Meter | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """Nothing starts before run(); without `meter` nothing is measured, without `tracer` nothing is traced."""
        self._inbox, self._rules, self._meter = inbox, rules, meter or NullMeter()
        self._tracer = tracer or NullTracer()
        self._preparing = Preparation(inbox, shops, platforms, rules.ages)
        self._scheduler = Scheduler(inbox, shops, sender.url, rules.max_rate)
        self._outgoing = Dispatcher(sender, rules.threads, inbox.clock, inbox.wakeups.interrupt)
        self._pace = _Pace(2 * rules.threads)
        self._held: Counter[str] = Counter()  # by shop: handed to the sender and not taken back
        self._unsent: list[Delivery] = []  # claimed, not sent, and not released yet
        self._stopping, self._give_up_at = threading.Event(), float("inf")
        self._log = logs.logger()

    def run(self) -> None:
        """Work until stop() is called, then finish what is in flight and give back the rest."""
        self._log.info("worker_started", threads=self._rules.threads)
        self._outgoing.start()
        threading.Thread(target=self._sweep_all, daemon=True).start()
        with contextlib.suppress(StoreUnavailableError):
            self._inbox.wakeups.wait(0)  # listen before the first look, or what comes in between would go unheard
        while not self._stopping.is_set():
            try:
                self._turn()
            except StoreUnavailableError as error:
                self._log.warning("store_unavailable", error=str(error))
                self._stopping.wait(STORE_PAUSE)
        self._finish()

    def stop(self) -> None:
        """Ask run() to end; may be called from a signal handler."""
        self._give_up_at = time.monotonic() + STOP_WITHIN
        self._stopping.set()
        self._inbox.wakeups.interrupt()

    def _turn(self) -> None:
        self._take_back()
        shares, look_at = self._scheduler.next(MOST_CLAIMED, self._room)
        if shares:
            claimed = self._inbox.claim(shares)
            try:
                self._handle(claimed)
            finally:
                self._unsent += claimed
        elif not self._stopping.is_set():
            wait = LONGEST_IDLE if look_at is None else (look_at - self._inbox.clock()) / 1000
            self._inbox.wakeups.wait(min(wait, LONGEST_IDLE))

    def _room(self, shop: str) -> int:
        """Return for how many more of a shop there is a place; none until claims may come in groups again."""
        most = self._pace.most()
        room = most - self._held[shop]
        return room if 2 * room >= most and self._held.total() < MOST_HELD else 0

    def _handle(self, claimed: list[Delivery]) -> None:
        """Prepare what was claimed and take it out of the list; what is left of it when the store goes away is unsent.

        Where our own code stumbles over the group it is prepared one by one, so that only the culprit dies of it.
        """
        try:
            self._prepare(claimed)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - logged, and only the culprit dies of it
            self._log.exception("unexpected_error", deliveries=len(claimed))
            if len(claimed) == 1:
                self._settle([outcomes.broken(claimed[0], error)])
            else:
                while claimed:
                    self._handle(claimed[:1])
                    del claimed[0]
        claimed.clear()

    def _prepare(self, claimed: Sequence[Delivery]) -> None:
        jobs, settled = self._preparing.prepare(claimed)
        if settled:
            self._settle(settled)
        self._held.update(job.shop.name for job in jobs)
        self._outgoing.put(jobs)

    def _take_back(self) -> None:
        """Settle what was sent since the last time, and release what is unsent.

        Released rather than kept: a server that crashed may have forgotten the claim, and the release knows whether it
        still is ours.
        """
        done = self._outgoing.take()
        self._held.subtract(one.job.shop.name for one in done)
        self._unsent += [one.job.delivery for one in done if not one.sent]
        attempts = [(one.job, one.sent) for one in done if one.sent]
        if attempts:
            self._settle([self._outcome(job, attempt) for job, attempt in attempts])
            self._scheduler.record_results((job.shop, attempt.failure) for job, attempt in attempts)
            self._pace.count(len(attempts))
        if self._unsent:
            self._inbox.release(self._unsent)
            self._unsent = []

    def _outcome(self, job: Job, sent: CallResult[Job]) -> Settlement:
        now, policy = self._inbox.clock(), self._rules.policy
        return outcomes.attempted(
            job.delivery, job.call, sent.failure, policy, now=now, took=sent.milliseconds, jitter=random.random
        )

    def _settle(self, settlements: Sequence[Settlement]) -> None:
        """Write the outcomes down, trying again while the store is away and the leases are ours; log each once."""
        while True:
            try:
                mine = self._inbox.settle(settlements)
                break
            except StoreUnavailableError as error:
                lapsed = self._inbox.clock() > settlements[0].delivery.due_at
                if lapsed or time.monotonic() > self._give_up_at:
                    raise
                self._log.warning("store_unavailable", error=str(error))
                time.sleep(STORE_PAUSE)
        now = self._inbox.clock()
        self._tracer.settled(self._inbox, settlements, now)
        for settlement, settled in zip(settlements, mine, strict=True):
            if settled:
                self._meter.settled(settlement, now, settlement.took)
            self._tell(settlement, "delivery_settled" if settled else "lease_lost")

    def _tell(self, settlement: Settlement, event: str) -> None:
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
        while not self._stopping.wait(SWEEP_EVERY):
            try:
                self._inbox.recall_leases()
                wiped, gone = sweep(self._inbox, self._rules.retention, self._stopping.is_set)
                if wiped or gone:
                    self._log.info("retention_applied", bodies=wiped, rows=gone)
            except StoreUnavailableError as error:
                self._log.warning("store_unavailable", error=str(error))

    def _finish(self) -> None:
        finished = self._outgoing.stop(max(self._give_up_at - time.monotonic(), 0))
        with contextlib.suppress(StoreUnavailableError):
            self._take_back()
        self._tracer.close()
        self._log.info("worker_stopped", unfinished=0 if finished else self._held.total())


class _Pace:
    """How many deliveries of a shop to hold: about what was sent in the last second, so that none waits long."""

    def __init__(self, least: int) -> None:
        self._least, self._most = least, least
        self._since, self._sent = time.monotonic(), 0

    def count(self, sent: int) -> None:
        self._sent += sent

    def most(self) -> int:
        elapsed = time.monotonic() - self._since
        if elapsed >= PACE_OVER:
            self._most = min(max(int(self._sent / elapsed), self._least), MOST_CLAIMED)
            self._since, self._sent = time.monotonic(), 0
        return self._most
