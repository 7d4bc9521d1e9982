"""The table of shops: a row each, judged by the findings of the health checks, filtered and sorted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app.dashboard import charts
from webhook_app.health.shop_states import MUTED, UNKNOWN, WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from webhook_app.inbox.reports.shop_counts import OrderCounts, Reported

STATES = {"error": "Error", "warning": "Warning", MUTED: "Muted", "ok": "Fine", UNKNOWN: "Not configured"}


@dataclass(frozen=True, slots=True)
class ShopRow:
    """What the table shows of a shop; `refused` counts the last 24 hours, `last_order` is when one was received.

    `problems` are the checks with findings that need attention, `muted` those with muted ones and until when they are.
    """

    name: str
    state: str
    problems: tuple[str, ...]
    muted: Mapping[str, int | None]
    orders: OrderCounts
    waiting: int
    refused: int
    last_order: int | None
    reported: Reported | None

    @property
    def share(self) -> float | None:
        """The share of the platform's orders that webhooks had reported."""
        return self.reported.share if self.reported else None

    @property
    def sparkline(self) -> str:
        """The points of the line of its orders by hour."""
        return charts.sparkline(self.orders.hours)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that the table can be sorted by: `key` puts first what is looked for, `goes_up` is that direction."""

    name: str
    title: str
    key: Callable[[ShopRow], object]
    goes_up: bool = False
    is_number: bool = True


def _known(value: float | None) -> tuple[bool, float]:
    """Return a key that puts what is unknown last."""
    return value is None, value or 0.0


COLUMNS = (
    Column("name", "Shop", lambda row: row.name, goes_up=True, is_number=False),
    Column("state", "State", lambda row: (WORST_FIRST.index(row.state), -len(row.problems)), is_number=False),
    Column("orders", "Orders, 24 h", lambda row: -row.orders.number),
    Column("delivered", "Delivered", lambda row: _known(row.orders.delivered_share), goes_up=True),
    Column("waiting", "Waiting", lambda row: -row.waiting),
    Column("refused", "Refused", lambda row: -row.refused),
    Column("last", "Last order", lambda row: row.last_order or 0, goes_up=True, is_number=False),
    Column("reported", "Reported", lambda row: _known(row.share), goes_up=True),
)
SORTED_BY = {column.name: column for column in COLUMNS}
USUAL = "state"


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows are shown and in which order; `errors` are sentences about values that are not known."""

    name: str
    state: str
    sort: str
    reverse: bool
    errors: tuple[str, ...] = ()


def query(given: Mapping[str, str]) -> Query:
    """Read the query of a request."""
    state, sort, reverse = given.get("state", ""), given.get("sort") or USUAL, given.get("reverse", "")
    errors = []
    if state and state not in STATES:
        errors.append(f"State: expected one of {', '.join(STATES)}; no shop is shown.")
    if sort not in SORTED_BY:
        errors.append(f"Sort: expected one of {', '.join(SORTED_BY)}; the worst are shown first.")
    if reverse not in ("", "1"):
        errors.append("Reverse: expected 1, or nothing.")
    chosen = sort if sort in SORTED_BY else USUAL
    return Query(given.get("name", "").strip()[:64], state, chosen, reverse == "1", tuple(errors))


def shown(rows: Iterable[ShopRow], asked: Query) -> list[ShopRow]:
    """Return the rows that a query asks for, in its order; of equal ones the worst first, then by name."""
    part = asked.name.lower()
    found = [row for row in rows if part in row.name.lower() and asked.state in ("", row.state)]
    found.sort(key=lambda row: (WORST_FIRST.index(row.state), -len(row.problems), -row.waiting, row.name))
    found.sort(key=SORTED_BY[asked.sort].key, reverse=asked.reverse)  # type: ignore[arg-type]
    return found
