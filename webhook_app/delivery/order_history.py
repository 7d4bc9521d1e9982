"""What other deliveries say about an order, before it is sent.

One that is known as cancelled is not counted by an older state of it. One that waited, by `purchase_after`, is sent as
the newest state says.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from marshmallow import ValidationError

from schemas.events import Reason
from webhook_app.delivery import outcomes
from webhook_app.inbox import Settlement, orders
from webhook_app.inbox.orders import OrderReport
from webhook_app.platforms.address import normal_form
from webhook_app.translation.translate import Payload, parse_json, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhook_app.delivery.dispatcher import Job
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform
    from webhook_app.translation.translate import AgeLimits

WITHDRAWALS = (Reason.CANCELLED, Reason.DELETED, Reason.REFUNDED, Reason.VOIDED)
# States in which an order that has waited is not sent; before, each may be one on the way to a purchase.
ENDS = (*WITHDRAWALS, Reason.FAILED, Reason.EXCLUDED_STATUS)


class OrderHistory:
    """Looks up what is stored about the orders of a group of jobs. Its methods raise StoreUnavailableError."""

    def __init__(self, inbox: Inbox, platforms: Mapping[str, Platform], ages: AgeLimits) -> None:
        """Nothing is read yet."""
        self._inbox, self._platforms, self._ages = inbox, platforms, ages

    def without_withdrawn(
        self, jobs: Sequence[Job], settled: Sequence[Settlement]
    ) -> tuple[list[Job], list[Settlement]]:
        """Return the jobs to send, and settlements of those whose order is no purchase any more.

        `settled` are those of the same group, which are not stored yet.
        """
        of_group = [one for one in settled if one.reason in WITHDRAWALS and one.key]
        keys = {(one.delivery.shop, str(one.key)) for one in of_group}
        keys |= orders.withdrawn(self._inbox, {_order(job) for job in jobs if job.call.is_order})
        remaining: list[Job] = []
        withdrawn: list[Settlement] = []
        for job in jobs:
            report = self._withdrawal(job, of_group) if keys and _order(job) in keys else None
            if report:
                withdrawn.append(outcomes.withdrawn(job, report.id, report.reason))
            else:
                remaining.append(job)
        return remaining, withdrawn

    def when_ready(self, jobs: Sequence[Job]) -> tuple[list[Job], list[Settlement]]:
        """Return the jobs to send now, with the newest state of their orders, and settlements of the others."""
        now = self._inbox.clock()
        ready: list[Job] = []
        settled: list[Settlement] = []
        for job in jobs:
            result = job if job.call.not_before is None else self._when_ready(job, now)
            if isinstance(result, Settlement):
                settled.append(result)
            else:
                ready.append(result)
        return ready, settled

    def _when_ready(self, job: Job, now: int) -> Job | Settlement:
        if (job.call.not_before or 0) > now:
            return outcomes.put_off(job)
        platform = self._platforms[job.delivery.platform]
        reports = [report for report in orders.reports(self._inbox, *_order(job)) if is_from_same_address(report, job)]
        for report in sorted(reports, key=lambda report: (_moment(report, platform), report.id), reverse=True):
            if report.id == job.delivery.id:
                break
            if report.reason in ENDS and not _is_partial(report, platform):
                return outcomes.withdrawn(job, report.id, report.reason)
            if call := self._call_of(report, job, platform, now):
                return replace(job, call=call)
        return job

    def _call_of(self, report: OrderReport, job: Job, platform: Platform, now: int) -> Call | None:
        """Return the call that another delivery makes of the same order."""
        payload = Payload(report.id, report.topic, report.received_at, report.body, report.domain)
        decision = translate(payload, job.shop, platform, self._ages, datetime.fromtimestamp(now / 1000, UTC))
        if not isinstance(decision, Call) or decision.key != job.call.key:
            return None
        return replace(decision, note=f"{decision.note} As delivery {report.id} reports it.".strip())

    def _withdrawal(self, job: Job, of_group: Sequence[Settlement]) -> OrderReport | None:
        """Return the delivery after which the state that a job reports does not count."""
        platform, (shop, key) = self._platforms[job.delivery.platform], _order(job)
        in_group = [_as_report(one) for one in of_group if (one.delivery.shop, one.key) == (shop, key)]
        state = changed_at(job.delivery.body, platform)
        for report in (*in_group, *orders.reports(self._inbox, shop, key)):
            if _withdraws(report, job, platform) and (state is None or state <= _moment(report, platform)):
                return report
        return None


def _order(job: Job) -> tuple[str, str]:
    return job.delivery.shop, job.call.key


def _as_report(settlement: Settlement) -> OrderReport:
    one = settlement.delivery
    return OrderReport(
        one.id, one.topic, one.domain, one.received_at, settlement.state, str(settlement.reason), one.body
    )


def _withdraws(report: OrderReport, job: Job, platform: Platform) -> bool:
    """Return whether a report is about the whole order, and from the same address; a refund may be of a part."""
    is_whole = report.reason in WITHDRAWALS and not _is_partial(report, platform)
    return is_whole and is_from_same_address(report, job)


def _is_partial(report: OrderReport, platform: Platform) -> bool:
    return report.reason == Reason.REFUNDED and platform.topic(report.topic) is None


def is_from_same_address(report: OrderReport, job: Job) -> bool:
    """Return whether a report is about the same order: a staging copy at another address has orders of its own."""
    addresses = (normal_form(report.domain), normal_form(job.delivery.domain))
    return "" in addresses or addresses[0] == addresses[1]


def _moment(report: OrderReport, platform: Platform) -> datetime:
    """Return when the order was in the state of a report, at the latest when that arrived."""
    arrived = datetime.fromtimestamp(report.received_at / 1000, UTC)
    return changed_at(report.body, platform) or arrived


def changed_at(body: bytes | None, platform: Platform) -> datetime | None:
    """Return when an order was changed last, by a body about it; None where it does not say so."""
    if body is None or platform.orders is None:
        return None
    try:
        return platform.orders.changed_at(parse_json(body))
    except ValidationError:
        return None
