"""Activity of the web processes by shop: topics received, requests refused, secrets used.

It informs the dashboard, metrics and alerts, and decides nothing. Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, delete, func, or_, select

from webhook_app.inbox import records
from webhook_app.inbox.expressions import insert_into, literal
from webhook_app.inbox.tables import activity_totals, hourly_activity
from webhook_app.platforms.base import SAMPLE_DOMAIN
from webhook_app.time_units import DAY, FUTURE, HOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from webhook_app.inbox.store import Inbox


# Different names of a shop: what is signed can be sent under any topic and address, and those beyond are not counted.
MAX_TOPICS, MAX_ADDRESSES = 100, 20
NAMES_AT_ONCE = 100  # of a statement
RECENT = 14 * DAY  # milliseconds; an address that is silent for longer is no longer one of the shop's


class ActivityKind(StrEnum):
    """What is counted, and what the `name` of a count is then."""

    TOPIC = "topic"  # a verified webhook, new or duplicate; name: its topic
    SECRET = "secret"  # noqa: S105 - a webhook verified with a secret; name: the secret's fingerprint
    REFUSAL = "refusal"  # a webhook that was not stored; name: the reason in the answer
    ACCEPT = "accept"  # a stored webhook; name: the upper bound of its storing time, in milliseconds
    ADDRESS = "address"  # a verified webhook that names its sender; name: the sender's address in normal form


MOST_NAMES = {ActivityKind.TOPIC: MAX_TOPICS, ActivityKind.ADDRESS: MAX_ADDRESSES}
WITHOUT_HOURS = (ActivityKind.SECRET, ActivityKind.ADDRESS)


@dataclass(frozen=True, slots=True)
class ActivityTotal:
    """Count of one name in one shop since `first_at`, and when it was last seen."""

    shop: str
    name: str
    count: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class HourlyActivity:
    """Count of one name in one shop in the hour that begins at `hour`."""

    shop: str
    platform: str
    name: str
    hour: int
    count: int


@dataclass(frozen=True, slots=True)
class ActivityCount:
    """Count of one name in one web process within one hour."""

    shop: str
    platform: str
    kind: ActivityKind
    name: str
    count: int
    first_at: int
    last_at: int


def last_seen(inbox: Inbox, kind: ActivityKind, shop: str | None = None) -> list[ActivityTotal]:
    """Return the totals of `kind`, of one shop or of all, ordered by shop and name. Raises StoreUnavailableError.

    Cheap: a shop has a few topics, secrets and reasons, however many webhooks it sends.
    """
    table = activity_totals.c
    query = select(*records.columns_of(ActivityTotal, activity_totals)).where(table.kind == kind)
    if shop is not None:
        query = query.where(table.shop == shop)
    with inbox.database.read() as connection:
        found = records.read(connection, ActivityTotal, query.order_by(table.shop, table.name))
        return [_believable(connection, kind, total, inbox.clock() + FUTURE) for total in found]


def names_seen(inbox: Inbox) -> int:
    """Return how many topics and reasons were ever seen, of all shops: another number where one is seen first."""
    kind = activity_totals.c.kind
    query = select(func.count()).where(kind.in_([ActivityKind.TOPIC.value, ActivityKind.REFUSAL.value]))
    with inbox.database.read() as connection:
        return int(connection.execute(query).scalar_one())


def _believable(connection: Connection, kind: ActivityKind, total: ActivityTotal, future: int) -> ActivityTotal:
    """Return a total whose `last_at` is not later than `future`: a clock was ahead, and the hours show what is right.

    Otherwise a topic that is missing would be silent without a warning until then.
    """
    if total.last_at <= future:
        return total
    table = hourly_activity.c
    same = (table.shop == total.shop) & (table.kind == kind) & (table.name == total.name) & (table.hour <= future)
    last = connection.execute(select(func.max(table.hour)).where(same)).scalar_one()
    return replace(total, last_at=last or min(total.first_at, future))


def addresses(inbox: Inbox) -> dict[str, list[str]]:
    """Return the addresses that sent webhooks to each shop of late, the busiest first, without those of samples.

    Raises StoreUnavailableError.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    since = inbox.clock() - RECENT
    for total in sorted(last_seen(inbox, ActivityKind.ADDRESS), key=lambda total: -total.count):
        if total.last_at >= since and total.name != SAMPLE_DOMAIN:
            found[total.shop].append(total.name)
    return dict(found)


def by_hour(inbox: Inbox, kind: ActivityKind, since: int, shop: str | None = None) -> list[HourlyActivity]:
    """Return TOPIC, REFUSAL or ACCEPT by hour, oldest first; empty hours are left out. Raises StoreUnavailableError.

    `since` is included, and refers to the beginning of the hour.
    """
    query = select(*records.columns_of(HourlyActivity, hourly_activity))
    query = query.where(*_in_hours(since, inbox.clock() + FUTURE, shop), hourly_activity.c.kind == kind)
    with inbox.database.read() as connection:
        found = records.read(connection, HourlyActivity, query)
    # Not sorted by the database: SQLite would read the hours of all shops, which an index has in this order.
    return sorted(found, key=lambda one: (one.hour, one.shop, one.name))


def hours_until(
    inbox: Inbox, kind: ActivityKind, last: Mapping[tuple[str, str], int], period: int
) -> Mapping[tuple[str, str], Sequence[int]]:
    """Return the hours in which each shop and name was seen in the `period` up to its last moment (`last`).

    Raises StoreUnavailableError.
    """
    table, found, wanted = hourly_activity.c, defaultdict[tuple[str, str], list[int]](list), [*last.items()]
    query = select(table.shop, table.name, table.hour)
    with inbox.database.read() as connection:
        for first in range(0, len(wanted), NAMES_AT_ONCE):
            each = [
                and_(table.shop == shop, table.kind == kind, table.name == name, table.hour.between(at - period, at))
                for (shop, name), at in wanted[first : first + NAMES_AT_ONCE]
            ]
            for row in connection.execute(query.where(or_(*each))):
                found[row.shop, row.name].append(row.hour)
    return found


def totals(
    inbox: Inbox, kind: ActivityKind, since: int, until: int, shop: str | None = None
) -> dict[tuple[str, str], int]:
    """Sum TOPIC, REFUSAL or ACCEPT over hours, of one shop or of all, by shop and name. Raises StoreUnavailableError.

    `since` is included, `until` is excluded; both refer to the beginning of the hour.
    """
    table = hourly_activity.c
    query = select(table.shop, table.name, func.sum(table["count"]).label("total"))
    query = query.where(*_in_hours(since, until, shop), table.kind == kind)
    with inbox.database.read() as connection:
        rows = connection.execute(query.group_by(table.shop, table.name))
        return {(row.shop, row.name): int(row.total) for row in rows}


def _in_hours(since: int, until: int, shop: str | None) -> list[ColumnElement[bool]]:
    table = hourly_activity.c
    if shop is None:
        return [table.hour >= since, table.hour < until]
    # An expression, or SQLite would read the hours of all shops, by their index.
    hour = table.hour + literal(0)
    return [table.shop == shop, hour >= since, hour < until]


def record(inbox: Inbox, counts: Iterable[ActivityCount]) -> None:
    """Add the counts of a process; not synced, so a power failure may lose some. Raises StoreUnavailableError."""
    rows = [_as_row(count) for count in sorted(_within_bounds(inbox, [*counts]), key=_order)]
    hourly = [row for row in rows if row["kind"] not in WITHOUT_HOURS]
    if rows:
        with inbox.database.write(durable=False) as connection:
            _add_totals(connection, _summed(rows), inbox.clock() + FUTURE)
            if hourly:
                _add_hourly(connection, hourly)


def forget(inbox: Inbox, before: int) -> int:
    """Delete what was last seen before `before`; returns the number of deleted rows. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        old = select(hourly_activity.c.hour).where(hourly_activity.c.hour < before).limit(1)
        if connection.execute(old).first() is None:
            return 0
    with inbox.database.write() as connection:
        hours = connection.execute(delete(hourly_activity).where(hourly_activity.c.hour < before)).rowcount
        return hours + connection.execute(delete(activity_totals).where(activity_totals.c.last_at < before)).rowcount


def _within_bounds(inbox: Inbox, counts: Collection[ActivityCount]) -> list[ActivityCount]:
    """Leave out the names beyond MOST_NAMES of a shop."""
    known: defaultdict[tuple[str, ActivityKind], set[str]] = defaultdict(set)
    for kind in MOST_NAMES:
        for total in last_seen(inbox, kind):
            known[total.shop, kind].add(total.name)
    return [count for count in counts if count.kind not in MOST_NAMES or _fits(known[count.shop, count.kind], count)]


def _fits(known: set[str], count: ActivityCount) -> bool:
    if len(known) < MOST_NAMES[count.kind]:
        known.add(count.name)
    return count.name in known


def _order(count: ActivityCount) -> tuple[str, str, str, int]:
    """Sort key of the rows: processes that lock the same rows in the same order cannot deadlock."""
    return count.shop, count.kind, count.name, count.first_at


def _as_row(count: ActivityCount) -> dict[str, Any]:
    return {**records.as_row(count), "kind": count.kind.value, "hour": count.first_at // HOUR * HOUR}


def _summed(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sum the hours of each name, which have one row of the totals."""
    whole: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        total = whole.setdefault((row["shop"], row["kind"], row["name"]), {**row, "count": 0})
        total["count"] += row["count"]
        total["first_at"] = min(total["first_at"], row["first_at"])
        total["last_at"] = max(total["last_at"], row["last_at"])
    return list(whole.values())


def _add_totals(connection: Connection, rows: Sequence[Mapping[str, Any]], future: int) -> None:
    """Add to the totals; a `last_at` that is later than `future`, because a clock was ahead, is replaced."""
    adds, old = insert_into(connection, activity_totals), activity_totals.c
    is_later = (adds.excluded.last_at > old.last_at) | (old.last_at > future)
    latest = case((is_later, adds.excluded.last_at), else_=old.last_at)
    changed = {"count": old["count"] + adds.excluded["count"], "last_at": latest}
    keys = [*activity_totals.primary_key]
    connection.execute(adds.on_conflict_do_update(index_elements=keys, set_=changed), _only(activity_totals, rows))


def _add_hourly(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    adds, old = insert_into(connection, hourly_activity), hourly_activity.c
    changed = {"count": old["count"] + adds.excluded["count"]}
    keys = [*hourly_activity.primary_key]
    connection.execute(adds.on_conflict_do_update(index_elements=keys, set_=changed), _only(hourly_activity, rows))


def _only(table: Table, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the part of each row that `table` has columns for."""
    return [{column.key: row[column.key] for column in table.columns} for row in rows]
