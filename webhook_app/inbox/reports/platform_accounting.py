"""Accounting against the platforms' own lists: every order that a platform lists has exactly one outcome.

The outcome is read from the deliveries when it is asked for, so that it cannot differ from them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sqlalchemy import text

from webhook_app.config.shop_tables import NAME
from webhook_app.inbox.reports.shop_days import UTC_DAYS, date_of, index_of, stretches
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import TextClause

    from webhook_app.inbox.reports.shop_days import ShopDays, Stretch
    from webhook_app.inbox.store import Inbox

CENT = Decimal("0.01")
ZERO = Decimal(0)
IN_UTC = f"placed_at / {DAY}"

# By order: the best state of a delivery about it; where all were ignored, whether one was for its present state, or by
# a person. Materialized, so that orders are found by their dates, and each is looked up once.
_JUDGED = """
WITH found AS MATERIALIZED (
  SELECT p.shop, p.business_key, p.identity, p.placed_at, p.reason, p.currency, p.amount, p.name,
    (SELECT max(CASE d.state WHEN 'delivered' THEN 4 WHEN 'ignored' THEN 1 WHEN 'dead' THEN 2 ELSE 3 END)
     FROM deliveries AS d WHERE d.shop = p.shop AND d.business_key = p.business_key
       AND d.business_key >= 'purchase:' AND d.business_key < 'purchase;' AND d.reason <> 'other_shop') AS best
  FROM platform_orders AS p WHERE p.placed_at >= :since AND p.placed_at < :until AND (:shop = '' OR p.shop = :shop)
    AND {day} BETWEEN :first AND :last
), explained AS MATERIALIZED (
  SELECT found.*, CASE WHEN best = 1 THEN coalesce((SELECT max(d.reason) FROM deliveries AS d
      WHERE d.shop = found.shop AND d.business_key = found.business_key
       AND d.business_key >= 'purchase:' AND d.business_key < 'purchase;' AND d.state = 'ignored'
       AND (d.identity = found.identity OR d.reason IN ('dropped', 'redacted'))), '') ELSE '' END AS decided
  FROM found
), judged AS MATERIALIZED (
  SELECT shop, name, placed_at, {day} AS day, currency, amount,
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
OUTCOMES = (
    _JUDGED
    + """
SELECT shop, day, currency, outcome, CASE WHEN outcome = 'ignored' THEN why ELSE '' END AS reason,
  count(*) AS number, sum(CAST(amount AS NUMERIC)) AS amount
FROM judged GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
)
# The revenue of the calls that were sent about the same orders; an order is found by its date, as above.
SENT = """
WITH found AS MATERIALIZED (
  SELECT shop, business_key, currency FROM platform_orders AS p
  WHERE placed_at >= :since AND placed_at < :until AND (:shop = '' OR shop = :shop) AND {day} BETWEEN :first AND :last
)
SELECT found.shop, found.currency, sum({revenue}) AS amount
FROM found JOIN deliveries AS d ON d.shop = found.shop AND d.business_key = found.business_key
  AND d.business_key >= 'purchase:' AND d.business_key < 'purchase;'
WHERE d.state = 'delivered' GROUP BY 1, 2
"""
REVENUE = {
    "sqlite": "json_extract(d.call, '$.Revenue')",
    "postgresql": "CAST(CAST(d.call AS JSON) ->> 'Revenue' AS NUMERIC)",
}
MISSING = f"{_JUDGED} SELECT shop, name FROM judged WHERE outcome = 'missing' ORDER BY placed_at, name"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class PlatformEntry:
    """How many orders of a shop, its day and a currency have an outcome, and their revenue at the platform.

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


def of_days(
    inbox: Inbox, first: date, days: int = 1, shop: str = "", zones: ShopDays = UTC_DAYS
) -> list[PlatformEntry]:
    """Count the orders, of all shops or of one, that were placed on the days of their shops from `first` on.

    Raises StoreUnavailableError.
    """
    with inbox.database.read() as connection:
        found = connection.execute(*_asked(OUTCOMES, first, days, shop, zones)).all()
    return [
        PlatformEntry(
            one.shop, date_of(int(one.day)), one.currency, one.outcome, one.reason, one.number, _amount(one.amount)
        )
        for one in found
    ]


def missing(inbox: Inbox, day: date, shop: str = "", zones: ShopDays = UTC_DAYS) -> list[tuple[str, str]]:
    """Return shop and number of the orders of a day that are missing. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        return [(one.shop, one.name) for one in connection.execute(*_asked(MISSING, day, 1, shop, zones))]


def _asked(
    statement: str, first: date, days: int, shop: str, zones: ShopDays
) -> tuple[TextClause, dict[str, int | str]]:
    """Return a statement about the orders of these days, and its values."""
    last = first + timedelta(days=days - 1)
    return text(statement.format(day=_day_in_sql(first, days, zones))), {
        "since": zones.span(first, shop or None).since,
        "until": zones.span(last, shop or None).until,
        "first": index_of(first),
        "last": index_of(last),
        "shop": shop,
    }


def _day_in_sql(first: date, days: int, zones: ShopDays) -> str:
    """Return the SQL of an order's day, in days since 1970: in the time zone of its shop."""
    by_zone: defaultdict[str, list[str]] = defaultdict(list)
    for name, zone in zones.zones.items():
        by_zone[zone].append(name)
    before, after = first - timedelta(days=1), days + 2  # what is at the edges is of another day, and is left out
    whens = [
        f"WHEN shop IN ({', '.join(map(_quoted, names))}) THEN {_day_of_zone(before, after, zone)}"
        for zone, names in by_zone.items()
    ]
    return f"CASE {' '.join(whens)} ELSE {IN_UTC} END" if whens else IN_UTC


def _day_of_zone(first: date, days: int, zone: str) -> str:
    *rules, last = stretches(first, days, zone)
    whens = " ".join(f"WHEN placed_at < {one.until} THEN {_rule(one)}" for one in rules)
    return f"CASE {whens} ELSE {_rule(last)} END" if whens else _rule(last)


def _rule(one: Stretch) -> str:
    return f"(placed_at + {one.shift}) / {DAY}" if one.day is None else str(one.day)


def _quoted(shop: str) -> str:
    """Return a shop's name in SQL; names have no sign that means anything there."""
    if not NAME.fullmatch(shop):
        raise ValueError(shop)
    return f"'{shop}'"


def totals(entries: Iterable[PlatformEntry]) -> PlatformTotals:
    """Sum up entries."""
    counts: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        counts[entry.outcome] += entry.number
    names = ("delivered", "ignored", "waiting", "dead", "missing")
    return PlatformTotals(sum(counts.values()), *(counts[name] for name in names))


def revenues(inbox: Inbox, day: date, entries: Iterable[PlatformEntry], zones: ShopDays = UTC_DAYS) -> list[Revenue]:
    """Return the revenue of a day by shop and currency, given its entries. Raises StoreUnavailableError."""
    listed: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in entries:
        listed[entry.shop, entry.currency] += entry.amount
    shops = {shop for shop, _ in listed}
    sent = _sent(inbox, day, shops.pop() if len(shops) == 1 else "", zones)
    return [Revenue(*key, listed[key], sent.get(key, ZERO)) for key in sorted(listed)]


def _sent(inbox: Inbox, day: date, shop: str, zones: ShopDays) -> Mapping[tuple[str, str], Decimal]:
    with inbox.database.read() as connection:
        statement = SENT.replace("{revenue}", REVENUE[connection.dialect.name])
        found = connection.execute(*_asked(statement, day, 1, shop, zones))
        return {(one.shop, one.currency): _amount(one.amount) for one in found}


def _amount(value: object) -> Decimal:
    try:
        return Decimal(str(value or 0)).quantize(CENT)
    except InvalidOperation:
        return ZERO
