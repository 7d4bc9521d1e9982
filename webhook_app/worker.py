"""Claim, translate, send, settle, until told to stop."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING

from schemas.events import DataRequest, Redaction
from webhook_app import duties, fairness, outcomes
from webhook_app.call import Call
from webhook_app.errors import StoreUnavailable
from webhook_app.inbox import Settlement, State
from webhook_app.inbox.retention import Retention, sweep
from webhook_app.translate import Ages, translate
from webhook_app.tweakwise import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app import retry
    from webhook_app.inbox import Delivery, Inbox
    from webhook_app.platform import Platform
    from webhook_app.shops import Shop
    from webhook_app.tweakwise import Client


LONGEST_IDLE = 30.0  # seconds; the bell wakes sooner, this is for a bell that nobody could ring
SWEEP_EVERY = 60.0  # seconds
STORE_PAUSE = 1.0  # seconds between two tries while the store is unavailable
STOP_WITHIN = 9.0  # seconds for what is in flight; hosts kill after 10


@dataclass(frozen=True, slots=True)
class Rules:
    """What a worker goes by, besides the shops."""

    threads: int
    ages: Ages
    policy: retry.Policy
    retention: Retention


@dataclass(frozen=True, slots=True)
class _Job:
    delivery: Delivery
    shop: Shop
    call: Call


class Worker:
    """One process's worker: the calling thread claims and translates, `threads` others send and settle."""

    def __init__(
        self, inbox: Inbox, shops: Mapping[str, Shop], platforms: Mapping[str, Platform], client: Client, rules: Rules
    ) -> None:
        """Nothing starts before run()."""
        self._inbox, self._shops, self._platforms = inbox, shops, platforms
        self._client, self._rules = client, rules
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._done: SimpleQueue[None] = SimpleQueue()
        self._in_flight = 0
        self._last_shop = ""
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until stop() is called, then finish what is in flight and give back the rest."""
        log.info("started", threads=self._rules.threads)
        senders = [threading.Thread(target=self._send_all, daemon=True) for _ in range(self._rules.threads)]
        for thread in [*senders, threading.Thread(target=self._sweep_all, daemon=True)]:
            thread.start()
        with contextlib.suppress(StoreUnavailable):
            self._inbox.bell.wait(0)  # listen before the first look, or what comes in between would go unheard
        while not self._stopping.is_set():
            try:
                self._turn()
            except StoreUnavailable as error:
                log.warning("store_unavailable", error=str(error))
                self._stopping.wait(STORE_PAUSE)
        self._finish(senders)

    def stop(self) -> None:
        """Ask run() to end; may be called from a signal handler."""
        self._stopping.set()
        self._done.put(None)
        self._inbox.bell.interrupt()

    def _turn(self) -> None:
        self._make_room()
        queues, now = self._inbox.queues(), self._inbox.clock()
        due = [queue.shop for queue in queues if queue.due_at <= now]
        if due:
            shares = fairness.shares(2 * self._rules.threads - self._in_flight, due, self._last_shop)
            self._last_shop = next(reversed(shares))
            self._handle(self._inbox.claim(shares))
        elif not self._stopping.is_set():
            self._idle(min((queue.due_at for queue in queues), default=None))

    def _make_room(self) -> None:
        """Wait until no job is queued any more, so that claims come in groups and not one by one."""
        while self._in_flight > self._rules.threads and not self._stopping.is_set():
            self._done.get()
            self._in_flight -= 1
        while not self._done.empty():
            self._done.get()
            self._in_flight -= 1

    def _idle(self, due: int | None) -> None:
        seconds = LONGEST_IDLE if due is None else min((due - self._inbox.clock()) / 1000, LONGEST_IDLE)
        self._inbox.bell.wait(seconds)

    def _handle(self, claimed: list[Delivery]) -> None:
        """Prepare a group; where our own code stumbles over it, one by one, so that only the culprit dies of it."""
        try:
            self._prepare(claimed)
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception("unexpected", deliveries=len(claimed))
            if len(claimed) == 1:
                self._settle([outcomes.broken(claimed[0], error)])
            else:
                for delivery in claimed:
                    self._handle([delivery])

    def _prepare(self, claimed: list[Delivery]) -> None:
        """Translate a group, reserve the business keys of its calls, and hand them to the senders."""
        sorted_out = [self._sort_out(delivery) for delivery in claimed]
        jobs = [item for item in sorted_out if isinstance(item, _Job)]
        settled = [item for item in sorted_out if isinstance(item, Settlement)]
        owners = self._inbox.reserve((job.delivery, job.call.key) for job in jobs)
        settled += [
            outcomes.already_counted(job.delivery, owner)
            for job in jobs
            if (owner := owners[job.delivery.id]) != job.delivery.id
        ]
        if settled:
            self._settle(settled)
        for job in jobs:
            if owners[job.delivery.id] == job.delivery.id:
                self._in_flight += 1
                self._jobs.put(job)

    def _sort_out(self, delivery: Delivery) -> _Job | Settlement:
        """Return what there is to send, or what became of the delivery without it."""
        shop = self._shops.get(delivery.shop)
        if shop is None:
            return outcomes.shop_missing(delivery)
        if delivery.lapses > outcomes.MOST_LAPSES:
            return outcomes.poisoned(delivery)
        try:
            return self._translated(delivery, shop)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a poisoned delivery never stops the worker
            return outcomes.broken(delivery, error)

    def _translated(self, delivery: Delivery, shop: Shop) -> _Job | Settlement:
        now = datetime.fromtimestamp(self._inbox.clock() / 1000, UTC)
        meaning = translate(delivery, shop, self._platforms[delivery.platform], self._rules.ages, now)
        match meaning:
            case Call():
                return _Job(delivery, shop, meaning)
            case Redaction():
                return outcomes.redacted(delivery, duties.wipe(self._inbox, delivery, shop, meaning))
            case DataRequest():
                return outcomes.reported(delivery, duties.report(self._inbox, delivery, shop, meaning.subject))
            case _:
                return outcomes.without_call(delivery, meaning)

    def _send_all(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._deliver(job)
            except Exception:  # the lease runs out and another try is made; this thread must live on
                log.exception("delivery_failed", id=job.delivery.id)
            finally:
                self._done.put(None)

    def _deliver(self, job: _Job) -> None:
        """Send one call and settle it, unless the worker stops or the lease might run out on the way."""
        left = (job.delivery.due_at - self._inbox.clock()) / 1000
        if self._stopping.is_set() or left < 2 * TIMEOUT:
            self._inbox.release([job.delivery])
            return
        began = time.monotonic()
        failure = self._client.send(job.call, job.shop)
        outcome = outcomes.attempted(
            job.delivery, job.call, failure, self._rules.policy, now=self._inbox.clock(), jitter=random.random
        )
        self._settle([outcome], milliseconds=round((time.monotonic() - began) * 1000))
        if outcome.state is State.WAITING:
            # It may be due sooner than what the idle worker waits for.
            self._inbox.bell.interrupt()

    def _settle(self, settlements: list[Settlement], milliseconds: int = 0) -> None:
        """Write the outcomes down, trying again while the store is away and the leases are ours; log each once."""
        while True:
            try:
                mine = self._inbox.settle(settlements)
                break
            except StoreUnavailable as error:
                if self._inbox.clock() > settlements[0].delivery.due_at:
                    raise
                log.warning("store_unavailable", error=str(error))
                time.sleep(STORE_PAUSE)
        for settlement, settled in zip(settlements, mine, strict=True):
            _log(settlement, milliseconds, "delivery" if settled else "lease_lost")

    def _sweep_all(self) -> None:
        while not self._stopping.wait(SWEEP_EVERY):
            try:
                wiped, gone = sweep(self._inbox, self._rules.retention, self._stopping.is_set)
                if wiped or gone:
                    log.info("retention", bodies=wiped, rows=gone)
            except StoreUnavailable as error:
                log.warning("store_unavailable", error=str(error))

    def _finish(self, senders: list[threading.Thread]) -> None:
        deadline = time.monotonic() + STOP_WITHIN
        for _ in senders:
            self._jobs.put(None)
        for thread in senders:
            thread.join(max(deadline - time.monotonic(), 0))
        unfinished = sum(thread.is_alive() for thread in senders)
        log.info("stopped", unfinished=unfinished)


def _log(settlement: Settlement, milliseconds: int, event: str) -> None:
    delivery = settlement.delivery
    log.info(
        event,
        id=delivery.id,
        shop=delivery.shop,
        topic=delivery.topic,
        state=str(settlement.state),
        reason=str(settlement.reason) or None,
        attempt=delivery.attempts + settlement.attempted,
        ms=milliseconds,
    )
