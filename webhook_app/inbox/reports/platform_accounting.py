"""Accounting against the platforms' own lists: every order that a platform lists has exactly one outcome.

The outcome is read from the deliveries when it is asked for, so that it cannot differ from them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries, platform_orders
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webhook_app.inbox.store import Inbox

CENT = Decimal("0.01")
ZERO = Decimal(0)

# By order: the best state of a delivery about it; where all were ignored, whether one was for its present state, or by
# a person. Materialized, so that orders are found by their dates, and each is looked up once.
_JUDGED = """
WITH found AS MATERIALIZED (
  SELECT p.shop, p.business_key, p.identity, p.placed_at, p.reason, p.currency, p.amount, p.name,
    (SELECT max(CASE d.state WHEN 'delivered' THEN 4 WHEN 'ignored' THEN 1 WHEN 'dead' THEN 2 ELSE 3 END)
     FROM deliveries AS d WHERE d.shop = p.shop AND d.business_key = p.business_key
       AND d.business_key >= 'purchase:' AND d.business_key < 'purchase;' AND d.reason <> 'other_shop') AS best
  FROM platform_orders AS p WHERE p.placed_at >= :since AND p.placed_at < :until AND (:shop = '' OR p.shop = :shop)
), explained AS MATERIALIZED (
  SELECT found.*, CASE WHEN best = 1 THEN coalesce((SELECT max(d.reason) FROM deliveries AS d
      WHERE d.shop = found.shop AND d.business_key = found.business_key
       AND d.business_key >= 'purchase:' AND d.business_key < 'purchase;' AND d.state = 'ignored'
       AND (d.identity = found.identity OR d.reason IN ('dropped', 'redacted'))), '') ELSE '' END AS decided
  FROM found
), judged AS MATERIALIZED (
  SELECT shop, name, placed_at, placed_at / 86400000 AS day, currency, amount,
    CASE WHEN reason = '' THEN decided ELSE reason END AS why,
    CASE WHEN best = 4 THEN 'delivered' WHEN best = 3 THEN 'waiting' WHEN best = 2 THEN 'dead'
      WHEN best = 1 AND (reason <> '' OR decided <> '') THEN 'ignored'
      WHEN EXISTS (SELECT 1 FROM deliveries AS u WHERE u.shop = e.shop AND u.identity = e.identity)
        THEN 'waiting'
      WHEN best = 1 THEN 'missing'
      WHEN EXISTS (SELECT 1 FROM business_keys AS k WHERE k.shop = e.shop AND k.key = e.business_key)
        THEN 'delivered'
      WHEN reason = 'too_old' THEN 'ignored' ELSE 'missing' END AS outcome
  FROM explained AS e
)
"""
OUTCOMES = text(f"""{_JUDGED}
SELECT shop, day, currency, outcome, CASE WHEN outcome = 'ignored' THEN why ELSE '' END AS reason,
  count(*) AS number, sum(CAST(amount AS NUMERIC)) AS amount
FROM judged GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
""")  # noqa: S608 - two constants
MISSING = text(f"{_JUDGED} SELECT shop, name FROM judged WHERE outcome = 'missing' ORDER BY placed_at, name")  # noqa: S608


@dataclass(frozen=True, slots=True)
class PlatformEntry:
    """How many orders of a shop, a day (UTC) and a currency have an outcome, and their revenue at the platform.

    `outcome` is delivered, ignored (for `reason`), waiting, dead or missing.
    """

    shop: str
    day: date
    currency: str
    outcome: str
    reason: str
    number: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PlatformTotals:
    """The sums of a set of entries; `listed` is the total of the others."""

    listed: int
    delivered: int
    ignored: int
    waiting: int
    dead: int
    missing: int

    @property
    def accounted_share(self) -> float | None:
        """The share of the listed orders that were delivered or ignored; None where none is listed."""
        return (self.delivered + self.ignored) / self.listed if self.listed else None


@dataclass(frozen=True, slots=True)
class Revenue:
    """The revenue of a day in one currency: of the platform's orders that count, and of those that were sent."""

    shop: str
    currency: str
    listed: Decimal
    sent: Decimal


def of_days(inbox: Inbox, first: date, days: int = 1, shop: str = "") -> list[PlatformEntry]:
    """Count the orders, of all shops or of one, that were placed on the days from `first` on.

    Raises StoreUnavailableError.
    """
    since = _start(first)
    with inbox.database.read() as connection:
        found = connection.execute(OUTCOMES, {"since": since, "until": since + days * DAY, "shop": shop}).all()
    return [
        PlatformEntry(one.shop, _date(one.day), one.currency, one.outcome, one.reason, one.number, _amount(one.amount))
        for one in found
    ]


def missing(inbox: Inbox, day: date, shop: str = "") -> list[tuple[str, str]]:
    """Return shop and number of the orders of a day that are missing. Raises StoreUnavailableError."""
    since = _start(day)
    of_day = {"since": since, "until": since + DAY, "shop": shop}
    with inbox.database.read() as connection:
        return [(one.shop, one.name) for one in connection.execute(MISSING, of_day)]


def totals(entries: Iterable[PlatformEntry]) -> PlatformTotals:
    """Sum up entries."""
    counts: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        counts[entry.outcome] += entry.number
    names = ("delivered", "ignored", "waiting", "dead", "missing")
    return PlatformTotals(sum(counts.values()), *(counts[name] for name in names))


def revenues(inbox: Inbox, day: date, entries: Iterable[PlatformEntry]) -> list[Revenue]:
    """Return the revenue of a day by shop and currency, given its entries. Raises StoreUnavailableError."""
    listed: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in entries:
        listed[entry.shop, entry.currency] += entry.amount
    sent = _sent(inbox, day, sorted({shop for shop, _ in listed}))
    return [Revenue(*key, listed[key], sent.get(key, ZERO)) for key in sorted(listed)]


def _sent(inbox: Inbox, day: date, shops: Sequence[str]) -> Mapping[tuple[str, str], Decimal]:
    since = _start(day)
    row, order = deliveries.c, platform_orders.c
    about = (row.shop == order.shop) & (row.business_key == order.business_key)
    prefixed = (row.business_key >= text("'purchase:'")) & (row.business_key < text("'purchase;'"))
    query = select(order.shop, order.currency, row.call).join(deliveries, about & prefixed)
    query = query.where(order.placed_at >= since, order.placed_at < since + DAY, row.state == State.DELIVERED)
    query = query.where(order.shop.in_(shops))
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with inbox.database.read() as connection:
        for shop, currency, call in connection.execute(query):
            sums[shop, currency] += _amount(json.loads(call, parse_float=str).get("Revenue")) if call else ZERO
    return sums


def _start(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def _date(day: int) -> date:
    return datetime.fromtimestamp(int(day) * DAY / 1000, UTC).date()


def _amount(value: object) -> Decimal:
    try:
        return Decimal(str(value or 0)).quantize(CENT)
    except InvalidOperation:
        return ZERO
