"""Preparation: translates claimed deliveries into calls, and settles those that need none."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.events import DataRequest, Redaction
from webhook_app import logs
from webhook_app.delivery import outcomes
from webhook_app.delivery.checkout_reports import CheckoutReports
from webhook_app.delivery.dispatcher import Job
from webhook_app.delivery.order_history import OrderHistory
from webhook_app.delivery.privacy_subject import Subject
from webhook_app.delivery.privacy_worker import sentence
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Settlement
from webhook_app.inbox.privacy import privacy_requests
from webhook_app.inbox.privacy.privacy_requests import RequestKind
from webhook_app.platforms.base import CHECKOUT_REPORTS
from webhook_app.translation.checkout_reports import Keyless
from webhook_app.translation.translate import Payload, translate, translate_with_order
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery, Inbox
    from webhook_app.platforms.base import Platform
    from webhook_app.translation.translate import AgeLimits, Decision

MOST_SECONDS = 0.2  # of processor time for the deliveries of one shop in a group; 256 usual ones take 0.05


class Preparation:
    """What translation needs, shared by all deliveries of a worker. Its methods raise StoreUnavailableError."""

    def __init__(
        self,
        inbox: Inbox,
        shops: Mapping[str, Shop],
        platforms: Mapping[str, Platform],
        ages: AgeLimits,
        requested: Callable[[], None] = lambda: None,
    ) -> None:
        """The inbox is not used before prepare(); `requested` is called when a privacy request was stored."""
        self._inbox, self._shops, self._platforms, self._ages = inbox, shops, platforms, ages
        self._requested = requested
        self._history = OrderHistory(inbox, platforms, ages)
        self._reports = CheckoutReports(inbox, platforms, ages)

    def prepare(self, claimed: Sequence[Delivery]) -> tuple[list[Job], list[Settlement], list[Delivery]]:
        """Return the calls to send, with their business keys reserved, settlements, and deliveries for another time.

        The latter are those of a shop whose others took MOST_SECONDS: more of them would hold up the other shops.
        """
        prepared, postponed = self._within_time(claimed)
        settled = [item for item in prepared if isinstance(item, Settlement)]
        jobs = [item for item in prepared if isinstance(item, Job)]
        jobs, withdrawn = self._history.without_withdrawn(jobs, settled)
        settled += withdrawn
        if any(job.call.not_before for job in jobs):
            jobs, waiting = self._history.when_ready(jobs)
            settled += waiting
        owners = self._inbox.reserve([(job.delivery, job.call) for job in jobs])
        unique = [job for job in jobs if owners[job.delivery.id] == job.delivery.id]
        repeated = [job for job in jobs if owners[job.delivery.id] != job.delivery.id]
        settled += [outcomes.already_counted(job, owners[job.delivery.id]) for job in repeated]
        return unique, settled, postponed

    def _within_time(self, claimed: Sequence[Delivery]) -> tuple[list[Job | Settlement], list[Delivery]]:
        prepared: list[Job | Settlement] = []
        postponed: list[Delivery] = []
        used: dict[str, float] = {}
        before = time.thread_time()
        for delivery in claimed:
            taken = used.get(delivery.shop, 0.0)
            if taken > MOST_SECONDS:
                postponed.append(delivery)
                continue
            prepared.append(self._prepare(delivery))
            now = time.thread_time()
            used[delivery.shop], before = taken + now - before, now
        return prepared, postponed

    def _prepare(self, delivery: Delivery) -> Job | Settlement:
        """Return the call to send for a delivery, or its settlement when there is none."""
        shop = self._shops.get(delivery.shop)
        if shop is None:
            return outcomes.shop_missing(delivery)
        if delivery.lapses > outcomes.MAX_LAPSES:
            return outcomes.poisoned(delivery)
        try:
            return self._translated(delivery, shop)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one delivery's bug never stops the worker
            logs.report(error)
            return outcomes.internal_error(delivery, error)

    def _translated(self, delivery: Delivery, shop: Shop) -> Job | Settlement:
        now = datetime.fromtimestamp(self._inbox.clock() / 1000, UTC)
        payload = Payload(delivery.id, delivery.topic, delivery.received_at, delivery.body, delivery.domain)
        platform = self._platforms[delivery.platform]
        decision, order = translate_with_order(payload, shop, platform, self._ages, now)
        if order and delivery.topic == CHECKOUT_REPORTS:
            self._reports.arrived(delivery, shop, order)
        if order and isinstance(decision, Keyless):
            joined = self._joined(delivery, shop, decision, payload, now)
            if isinstance(joined, int):
                return outcomes.awaiting_key(delivery, order, joined)
            decision = joined
        match decision:
            case Call():
                return Job(delivery, shop, decision, order.name if order else "")
            case Redaction():
                return self._privacy_request(delivery, shop, RequestKind.ERASE, decision)
            case DataRequest():
                return self._privacy_request(delivery, shop, RequestKind.REPORT, decision.subject)
            case _:
                return outcomes.without_call(delivery, decision, order)

    def _joined(
        self, delivery: Delivery, shop: Shop, keyless: Keyless, payload: Payload, now: datetime
    ) -> Decision | int:
        """Return what becomes of an order with the report of its checkout, or until when it waits for that."""

        def with_key(key: str) -> Decision:
            platform = self._platforms[delivery.platform]
            return translate(payload._replace(profile_key=key), shop, platform, self._ages, now)

        return self._reports.decide(delivery, shop, keyless, with_key)

    def _privacy_request(self, delivery: Delivery, shop: Shop, kind: RequestKind, about: Redaction) -> Settlement:
        """Store a request, and settle its delivery once all others were searched."""
        subject = Subject.of(about, shop).as_json()
        request = privacy_requests.add(self._inbox, kind, shop.name, subject, delivery.id)
        self._requested()
        if request.searched_at is None:
            return outcomes.searching(delivery)
        settle = outcomes.redacted if kind is RequestKind.ERASE else outcomes.reported
        return settle(delivery, sentence(request))
