"""Joins orders without a profile key with the reports of their checkouts, whichever comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from marshmallow import ValidationError

from schemas.events import CheckoutReport, Ignored, Reason
from webhook_app.delivery.causes import WaitingReason
from webhook_app.inbox import orders
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.shop_records import checkout_reports
from webhook_app.inbox.states import State
from webhook_app.platforms.address import normal_form
from webhook_app.translation.checkout_reports import REFUSED, Keyless, identity
from webhook_app.translation.profile_key import choose_for_report
from webhook_app.translation.translate import Payload, parse_json, translate
from webhook_app.tweakwise.call import Call, purchase_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.order_reference import OrderReference
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery, Inbox
    from webhook_app.inbox.orders import OrderReport
    from webhook_app.inbox.shop_records.checkout_reports import StoredReport
    from webhook_app.platforms.base import Platform
    from webhook_app.translation.translate import AgeLimits, Decision


class CheckoutReports:
    """The reports of a worker's shops. Its methods raise StoreUnavailableError."""

    def __init__(self, inbox: Inbox, platforms: Mapping[str, Platform], ages: AgeLimits) -> None:
        """Nothing is read yet."""
        self._inbox, self._platforms, self._ages = inbox, platforms, ages
        self._key_wait = int(ages.key_wait * 1000)
        self._reporting: set[str] = set()  # shops that have sent one

    def arrived(self, delivery: Delivery, shop: Shop, order: OrderReference) -> None:
        """Let the deliveries about an order, whose report has arrived, wait no longer.

        The first report of a shop may come after its order, which did not wait for one: that is decided again.
        """
        key = purchase_key(order.id)
        if checkout_reports.wake(self._inbox, shop.name, key, WaitingReason.KEY_WAIT):
            self._inbox.wakeups.notify()
        since = self._inbox.clock() - self._key_wait
        early = [one for one in orders.reports(self._inbox, shop.name, key) if _is_undecided(one, since)]
        found = self._event(delivery.platform, delivery.body) if early else None
        if found and (ids := [one.id for one in early if self._is_for(found, one, delivery, shop)]):
            operator_actions.replay(self._inbox, ids)

    def _is_for(self, found: CheckoutReport, one: OrderReport, delivery: Delivery, shop: Shop) -> bool:
        """Return whether a delivery about an order looks for this report: a forged one changes nothing."""
        payload = Payload(one.id, one.topic, one.received_at, one.body, one.domain)
        now = datetime.fromtimestamp(self._inbox.clock() / 1000, UTC)
        decision = translate(payload, shop, self._platforms[delivery.platform], self._ages, now)
        return isinstance(decision, Keyless) and decision.report == identity(found.order_id, found.token)

    def decide(
        self, delivery: Delivery, shop: Shop, keyless: Keyless, with_key: Callable[[str], Decision]
    ) -> Decision | int:
        """Return what becomes of an order without a key, or until when it waits, in milliseconds since 1970.

        `with_key` translates it with the key of a report.
        """
        report = checkout_reports.find(self._inbox, shop.name, keyless.report)
        if report and (found := self._read(report, delivery)):
            return self._joined(report, found, shop, with_key)
        until = delivery.received_at + self._key_wait
        return until if self._inbox.clock() < until and self._reports(shop.name) else keyless

    def _joined(
        self, report: StoredReport, found: CheckoutReport, shop: Shop, with_key: Callable[[str], Decision]
    ) -> Decision:
        if found.profile_key is None:
            return REFUSED
        key = choose_for_report(found.profile_key, shop)
        if isinstance(key, Ignored):
            return key
        decision = with_key(key)
        if not isinstance(decision, Call):
            return decision
        note = f"{decision.note} The profile key is from delivery {report.id}, the report of the checkout.".strip()
        # It is ready from now on, not only when the time to wait is over.
        return replace(decision, note=note, not_before=decision.not_before or self._inbox.clock())

    def _read(self, report: StoredReport, delivery: Delivery) -> CheckoutReport | None:
        """Return a report that is about the order of a delivery, from the same address, None for any other."""
        addresses = {normal_form(report.domain), normal_form(delivery.domain)} - {""}
        return self._event(delivery.platform, report.body) if len(addresses) < 2 else None  # noqa: PLR2004 - one

    def _event(self, platform: str, body: bytes | None) -> CheckoutReport | None:
        proxy = self._platforms[platform].proxy
        if body is None or proxy is None or proxy.checkout_reports is None:
            return None
        try:
            event = proxy.checkout_reports.translate(parse_json(body))
        except ValidationError:
            return None
        return event if isinstance(event, CheckoutReport) else None

    def _reports(self, shop: str) -> bool:
        """Return whether a shop ever sent a report: elsewhere an order would wait for nothing."""
        if shop not in self._reporting and checkout_reports.is_known(self._inbox, shop):
            self._reporting.add(shop)
        return shop in self._reporting


def _is_undecided(one: OrderReport, since: int) -> bool:
    """Return whether a delivery was ignored for want of a key, and has arrived since then."""
    lacks_key = one.reason in (Reason.NO_KEY, Reason.NO_PROFILE)
    return one.state == State.IGNORED and lacks_key and one.received_at > since
