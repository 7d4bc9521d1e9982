"""What the read API answers: the values of the pages, read by the same functions, with personal data masked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from webhook_app.api.delivery_record import record_of
from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.formatting import timestamp
from webhook_app.health import shop_states
from webhook_app.health.probes import listed
from webhook_app.inbox import State, orders
from webhook_app.inbox.counting import count_check, statistics
from webhook_app.inbox.reports import (
    accounting,
    delivery_pages,
    platform_accounting,
    shop_counts,
    stored_deliveries,
    time_series,
)
from webhook_app.inbox.reports.backlog import UNFINISHED, backlogs
from webhook_app.inbox.reports.platform_accounting import PlatformEntry
from webhook_app.inbox.reports.shop_days import ShopDays
from webhook_app.inbox.shop_records import reconciliations
from webhook_app.platforms import topic_groups
from webhook_app.throttling import circuit_breaker, descriptions
from webhook_app.throttling.state import Scope
from webhook_app.time_units import DAY
from webhook_app.translation.translate import order_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from webhook_app.config.shops import Shop
    from webhook_app.health.evaluation import Health
    from webhook_app.health.finding import Finding
    from webhook_app.health.readiness import Readiness
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
    from webhook_app.inbox.reports.shop_counts import OrderCounts, Reported
    from webhook_app.platforms.base import Platform

READ_NAMES_FOR = 0.5  # seconds
DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Reads:
    """Reads for one web process."""

    inbox: Inbox
    shops: Mapping[str, Shop]
    platforms: Mapping[str, Platform]
    health: Health
    readiness: Readiness

    def deliveries(self, wanted: DeliveryFilter, limit: int, below: int | None) -> dict[str, Any]:
        """Return a page of deliveries, newest first; `next` is None on the last page."""
        if wanted.selection.order:
            reader = order_reader(self.platforms)
            self._if_writable(lambda: orders.read_names(self.inbox, reader, READ_NAMES_FOR, rest=0))
        self._if_writable(lambda: statistics.refresh(self.inbox))
        page = delivery_pages.page(self.inbox, wanted, limit, below)
        return {"deliveries": [record_of(row) for row in page.rows], "next": page.older}

    def delivery(self, number: int) -> dict[str, object]:
        """Return one delivery. Raises UnknownDeliveryError."""
        return record_of(stored_deliveries.get(self.inbox, number))

    def all_shops(self) -> dict[str, Any]:
        """Return every configured shop with its figures."""
        self._if_writable(lambda: statistics.refresh(self.inbox))
        now = self.inbox.clock()
        counts = time_series.by_shop(self.inbox, time_series.span(now, DAY_HOURS, 1))
        topics = topic_groups.names(self.platforms, topic_groups.ORDERS)
        figures = shop_counts.orders(self.inbox, topics), shop_counts.reported(self.inbox, now - DAY)
        waiting = {one.shop: one for one in backlogs(self.inbox)}
        throttles, problems = self.inbox.throttles(), shop_states.problems_of(self.health.findings(), self.shops)
        last_orders, refused = shop_counts.last_orders(self.inbox, topics), shop_counts.refused(self.inbox)
        return {
            "at": timestamp(now),
            "shops": [
                {
                    **_configured(shop),
                    **_state(problems[name]),
                    **_orders(figures[0].get(name), figures[1].get(name)),
                    "refused": refused.get(name, 0),
                    "last_24_hours": grouped(counts.get(name, {})),
                    "unfinished": sum(waiting[name].states.values()) if name in waiting else 0,
                    "oldest_unfinished": timestamp(waiting[name].oldest) if name in waiting else None,
                    "last_order": timestamp(last_orders[name]) if name in last_orders else None,
                    **_throttling(throttles.get(Scope.shop(name)), now),
                }
                for name, shop in self.shops.items()
            ],
        }

    def state_of_health(self) -> dict[str, Any]:
        """Return whether webhooks can be stored, and what needs attention, muted findings too."""
        return {"ready": self.readiness.status(), "findings": listed(self.health)}

    def accounts(self, chosen: date | None, shop: str | None) -> dict[str, Any]:
        """Return the outcomes of what was received on a day (None: today), and of the orders that platforms list."""
        statistics.refresh(self.inbox, within=None, fresh=0)
        days = ShopDays.of(self.shops)
        day = chosen or days.today(self.inbox.clock(), shop)
        checked = count_check.check(self.inbox, days.span(day, shop).hours)
        entries = accounting.of_day(self.inbox, day, shop, days)
        known, listed_orders = {*reconciliations.comparable(self.inbox, self.shops)}, list[PlatformEntry]()
        if known:
            found = platform_accounting.of_days(self.inbox, day, shop=shop or "", zones=days)
            listed_orders = [one for one in found if one.shop in known]
        return {
            "day": day.isoformat(),
            "timezone": days.zone([shop] if shop else self.shops) or None,
            "adds_up": checked.adds_up,
            "total": asdict(accounting.totals(entries)),
            "entries": [asdict(one) for one in entries],
            "platform_total": asdict(platform_accounting.totals(listed_orders)),
            "platform_entries": [
                asdict(one) | {"day": one.day.isoformat(), "amount": str(one.amount)} for one in listed_orders
            ],
        }

    def _if_writable(self, task: Callable[[], Any]) -> None:
        """Do what writes counts and order numbers; while nothing can be written, older ones are read."""
        try:
            task()
        except OverloadedError:
            raise
        except StoreUnavailableError as error:
            self.inbox.outages.failed(error)


def grouped(states: Mapping[str, int]) -> dict[str, int]:
    """Add up states as the pages do: received, delivered, ignored, waiting (everything unfinished) and dead."""
    kinds = {state.value: states.get(state, 0) for state in (State.DELIVERED, State.IGNORED, State.DEAD)}
    kinds["waiting"] = sum(states.get(state, 0) for state in UNFINISHED)
    return {"received": sum(kinds.values()), **kinds}


def _state(problems: Sequence[Finding]) -> dict[str, Any]:
    """Return the state of a shop, what needs attention, and until when the rest is muted (None: it is over)."""
    muted = shop_states.muted_of(problems)
    return {
        "state": shop_states.state_of(problems, is_configured=True),
        "problems": list(shop_states.checks_of(problems)),
        "muted": [{"check": check, "until": timestamp(at) if at else None} for check, at in muted.items()],
    }


def _orders(counts: OrderCounts | None, found: Reported | None) -> dict[str, Any]:
    """Return the orders of the last 24 hours, and the share of the platform's orders that webhooks reported."""
    return {
        "orders": counts.number if counts else 0,
        "orders_delivered_share": counts.delivered_share if counts else None,
        "reported_share": found.share if found else None,
    }


def _configured(shop: Shop) -> dict[str, Any]:
    return {
        "name": shop.name,
        "platform": shop.platform,
        "domain": list(shop.domain),
        "product_key": shop.product_key.text,
        "purchase_on": shop.purchase_on.name.lower(),
        "timezone": shop.timezone,
        "reconciled": shop.api is not None,
    }


def _throttling(throttle: Any, now: int) -> dict[str, Any]:
    is_open = throttle is not None and throttle.is_open
    rate = circuit_breaker.current_rate(throttle, now, None) if throttle else None
    text = descriptions.sentences(throttle, now) if throttle else ""
    return {"paused": is_open, "calls_per_second": rate, "throttling": text}
