"""Gauges that are read from the inbox when Prometheus scrapes; adding one is adding a value to GAUGES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.reports.backlog import UNFINISHED, backlogs, dead
from webhook_app.throttling import circuit_breaker
from webhook_app.throttling.state import Scope
from webhook_app.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from webhook_app.inbox import Inbox
    from webhook_app.inbox.reports.backlog import Backlog
    from webhook_app.throttling.state import ThrottleState

    Values = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class InboxSnapshot:
    """What one scrape reads of the inbox; `now` is in milliseconds since 1970 UTC."""

    shops: Collection[str]
    now: int
    backlogs: Sequence[Backlog]
    dead: Mapping[str, int]
    throttles: Mapping[Scope, ThrottleState]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One gauge; `read` returns its values by the values of its labels."""

    name: str
    summary: str
    labels: tuple[str, ...]
    read: Callable[[InboxSnapshot], Values]

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


DATABASE_UP = Gauge(
    "database_up", "Whether the database answers; the gauges below exist only while it does.", (), lambda _: {(): 1}
)
GAUGES = (
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
)


class InboxCollector:
    """Collects the gauges for prometheus_client. Raises nothing: an unavailable database is a value as well."""

    def __init__(self, inbox: Inbox, shops: Collection[str]) -> None:
        """`shops` are the configured ones, which have a value even if they have no deliveries."""
        self._inbox, self._shops = inbox, shops

    def collect(self) -> Iterator[Any]:
        """Yield every gauge with its values at this moment."""
        try:
            snapshot = self._snapshot()
        except StoreUnavailableError:
            yield _family(DATABASE_UP, {(): 0})
            return
        for gauge in GAUGES:
            yield _family(gauge, gauge.read(snapshot))

    def _snapshot(self) -> InboxSnapshot:
        return InboxSnapshot(
            shops=self._shops,
            now=self._inbox.clock(),
            backlogs=backlogs(self._inbox),
            dead=dead(self._inbox),
            throttles=self._inbox.throttles(),
        )


def _family(gauge: Gauge, values: Values) -> Any:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - loaded only where metrics are on

    family = GaugeMetricFamily(gauge.full_name, gauge.summary, labels=gauge.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
