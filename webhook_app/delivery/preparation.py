"""From claimed deliveries to calls: translate each, and say at once what became of those without one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.events import DataRequest, Redaction
from webhook_app import logs
from webhook_app.delivery import outcomes, privacy_requests
from webhook_app.delivery.dispatcher import Job
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Settlement
from webhook_app.translation.translate import Payload, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery, Inbox
    from webhook_app.platforms.base import Platform
    from webhook_app.translation.translate import AgeLimits


class Preparation:
    """What translation needs, held by a worker. Its methods raise StoreUnavailableError."""

    def __init__(
        self, inbox: Inbox, shops: Mapping[str, Shop], platforms: Mapping[str, Platform], ages: AgeLimits
    ) -> None:
        """Nothing is asked of the inbox before prepare()."""
        self._inbox, self._shops, self._platforms, self._ages = inbox, shops, platforms, ages

    def prepare(self, claimed: Sequence[Delivery]) -> tuple[list[Job], list[Settlement]]:
        """Return the calls to be made, their business keys reserved, and what became of the other deliveries."""
        sorted_out = [self._sort_out(delivery) for delivery in claimed]
        jobs = [item for item in sorted_out if isinstance(item, Job)]
        settled = [item for item in sorted_out if isinstance(item, Settlement)]
        owners = self._inbox.reserve([(job.delivery, job.call) for job in jobs])
        mine = [job for job in jobs if owners[job.delivery.id] == job.delivery.id]
        others = [job for job in jobs if owners[job.delivery.id] != job.delivery.id]
        return mine, settled + [outcomes.taken(job.delivery, job.call, owners[job.delivery.id]) for job in others]

    def _sort_out(self, delivery: Delivery) -> Job | Settlement:
        """Return what there is to send, or what became of the delivery without it."""
        shop = self._shops.get(delivery.shop)
        if shop is None:
            return outcomes.shop_missing(delivery)
        if delivery.lapses > outcomes.MOST_LAPSES:
            return outcomes.poisoned(delivery)
        try:
            return self._translated(delivery, shop)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - a poisoned delivery never stops the worker
            logs.report(error)
            return outcomes.broken(delivery, error)

    def _translated(self, delivery: Delivery, shop: Shop) -> Job | Settlement:
        now = datetime.fromtimestamp(self._inbox.clock() / 1000, UTC)
        payload = Payload(delivery.id, delivery.topic, delivery.received_at, delivery.body)
        decision = translate(payload, shop, self._platforms[delivery.platform], self._ages, now)
        match decision:
            case Call():
                return Job(delivery, shop, decision)
            case Redaction():
                return outcomes.redacted(delivery, privacy_requests.wipe(self._inbox, delivery, shop, decision))
            case DataRequest():
                return outcomes.reported(
                    delivery, privacy_requests.report(self._inbox, delivery, shop, decision.subject)
                )
            case _:
                return outcomes.without_call(delivery, decision)
