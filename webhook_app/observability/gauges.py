"""Gauges that are read from the inbox when Prometheus scrapes; adding one is adding a value to GAUGES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import presence, retention
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.reports.backlog import UNFINISHED, backlogs, dead
from webhook_app.inbox.shop_records import platform_orders, reconciliations
from webhook_app.inbox.shop_records.reconciliations import ReconciliationState
from webhook_app.platforms import all_platforms
from webhook_app.throttling import circuit_breaker
from webhook_app.throttling.state import Scope
from webhook_app.time_units import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.counting.activity import ActivityTotal
    from webhook_app.inbox.reports.backlog import Backlog
    from webhook_app.inbox.retention import Retention
    from webhook_app.throttling.state import ThrottleState

    Values = dict[tuple[str, ...], float]

OTHER_TOPICS = "other"
Snapshot = TypeVar("Snapshot")


@dataclass(frozen=True, slots=True)
class InboxSnapshot:
    """What one scrape reads of the inbox; `now` is in milliseconds since 1970 UTC."""

    shops: Mapping[str, Shop]
    now: int
    backlogs: Sequence[Backlog]
    dead: Mapping[str, int]
    throttles: Mapping[Scope, ThrottleState]
    received: Sequence[ActivityTotal]  # topics
    worker_seen: int | None
    retention_overdue: int  # milliseconds
    platform_orders: Mapping[str, int]
    reconciliations: Mapping[str, ReconciliationState]


@dataclass(frozen=True, slots=True)
class Gauge(Generic[Snapshot]):
    """One gauge; `read` returns its values by the values of its labels."""

    name: str
    summary: str
    labels: tuple[str, ...]
    read: Callable[[Snapshot], Values]

    @property
    def full_name(self) -> str:
        """The name as Prometheus shows it."""
        return f"webhooks_{self.name}"


def _unfinished(inbox: InboxSnapshot) -> Values:
    zeros: Values = {(shop, state.value): 0 for shop in inbox.shops for state in UNFINISHED}
    return zeros | {(one.shop, state.value): one.states[state] for one in inbox.backlogs for state in UNFINISHED}


def _zeros(inbox: InboxSnapshot) -> Values:
    """Return 0 for every configured shop: a missing series could not be compared with anything."""
    return {(shop,): 0 for shop in inbox.shops}


def _oldest(inbox: InboxSnapshot) -> Values:
    return _zeros(inbox) | {(one.shop,): max(inbox.now - one.oldest, 0) / SECOND for one in inbox.backlogs}


def _dead(inbox: InboxSnapshot) -> Values:
    return _zeros(inbox) | {(shop,): count for shop, count in inbox.dead.items()}


def _open_breakers(inbox: InboxSnapshot) -> Values:
    zeros: Values = {(str(Scope.shop(shop)),): 0 for shop in inbox.shops}
    return zeros | {(str(scope),): int(throttle.is_open) for scope, throttle in inbox.throttles.items()}


def _rate_limits(inbox: InboxSnapshot) -> Values:
    rates = {
        (str(scope),): circuit_breaker.current_rate(throttle, inbox.now, None)
        for scope, throttle in inbox.throttles.items()
    }
    return {scope: rate for scope, rate in rates.items() if rate is not None}


def _last_received(inbox: InboxSnapshot) -> Values:
    """Return the times by mapped topic; all others are one, as some platforms sign no topic."""
    known = {
        (shop.name, topic.name) for shop in inbox.shops.values() for topic in all_platforms()[shop.platform].topics
    }
    latest: Values = dict.fromkeys(known, 0)
    for one in inbox.received:
        if one.shop in inbox.shops:
            series = (one.shop, one.name if (one.shop, one.name) in known else OTHER_TOPICS)
            latest[series] = max(latest.get(series, 0), one.last_at / SECOND)
    return latest


def _compared(inbox: InboxSnapshot, read: Callable[[ReconciliationState], float]) -> Values:
    """Return a value of each shop that gives access to its platform's API."""
    configured = {shop.name: ReconciliationState(shop.name) for shop in inbox.shops.values() if shop.api}
    return {(shop,): read(state) for shop, state in (configured | dict(inbox.reconciliations)).items()}


def _platform_orders(inbox: InboxSnapshot) -> Values:
    return _compared(inbox, lambda state: inbox.platform_orders.get(state.shop, 0))


DATABASE_UP: Gauge[InboxSnapshot] = Gauge(
    "database_up", "Whether the database answers; the gauges below exist only while it does.", (), lambda _: {(): 1}
)
GAUGES: tuple[Gauge[InboxSnapshot], ...] = (
    DATABASE_UP,
    Gauge("unfinished", "Deliveries that are not settled.", ("shop", "state"), _unfinished),
    Gauge("oldest_unfinished_seconds", "Age of the oldest unsettled delivery, 0 without any.", ("shop",), _oldest),
    Gauge("dead", "Deliveries that were given up and need attention.", ("shop",), _dead),
    Gauge("breaker_open", "1 while a circuit breaker is open or half-open.", ("scope",), _open_breakers),
    Gauge(
        "calls_per_second_limit",
        "Calls per second that are allowed after failures; absent where no limit applies.",
        ("scope",),
        _rate_limits,
    ),
    Gauge(
        "last_received_timestamp_seconds",
        "When a verified webhook was last received, since 1970; 0 for never.",
        ("shop", "topic"),
        _last_received,
    ),
    Gauge(
        "worker_last_seen_timestamp_seconds",
        "When a worker was last running, since 1970; 0 for never.",
        (),
        lambda inbox: {(): (inbox.worker_seen or 0) / SECOND},
    ),
    Gauge(
        "retention_overdue_seconds",
        "For how long a body is stored beyond KEEP_BODIES, 0 for none.",
        (),
        lambda inbox: {(): inbox.retention_overdue / SECOND},
    ),
    Gauge("platform_orders", "Orders of the last 24 hours that the platform lists.", ("shop",), _platform_orders),
    Gauge(
        "platform_orders_missing_total",
        "Orders that no webhook had reported, since the first comparison.",
        ("shop",),
        lambda inbox: _compared(inbox, lambda state: state.missing_total),
    ),
    Gauge(
        "reconciliation_last_complete_timestamp_seconds",
        "When orders were last compared with the platform's list, since 1970; 0 for never.",
        ("shop",),
        lambda inbox: _compared(inbox, lambda state: (state.complete_at or 0) / SECOND),
    ),
)


class InboxCollector:
    """Collects the gauges for prometheus_client. Raises nothing: an unavailable database is a value as well."""

    def __init__(self, inbox: Inbox, shops: Mapping[str, Shop], retention: Retention) -> None:
        """`shops` are the configured ones, which have a value even if they have no deliveries."""
        self._inbox, self._shops, self._retention = inbox, shops, retention

    def collect(self) -> Iterator[Any]:
        """Yield every gauge with its values at this moment."""
        try:
            snapshot = self._snapshot()
        except StoreUnavailableError:
            yield family_of(DATABASE_UP, {(): 0})
            return
        for gauge in GAUGES:
            yield family_of(gauge, gauge.read(snapshot))

    def _snapshot(self) -> InboxSnapshot:
        return InboxSnapshot(
            shops=self._shops,
            now=self._inbox.clock(),
            backlogs=backlogs(self._inbox),
            dead=dead(self._inbox),
            throttles=self._inbox.throttles(),
            received=activity.last_seen(self._inbox, ActivityKind.TOPIC),
            worker_seen=presence.worker_last_seen(self._inbox),
            retention_overdue=retention.overdue(self._inbox, self._retention),
            platform_orders=platform_orders.count(self._inbox, self._inbox.clock() - DAY),
            reconciliations=reconciliations.current(self._inbox, self._shops),
        )


def family_of(gauge: Gauge[Any], values: Values) -> Any:
    """Return a gauge with its values, for prometheus_client."""
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - loaded only where metrics are on

    family = GaugeMetricFamily(gauge.full_name, gauge.summary, labels=gauge.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
