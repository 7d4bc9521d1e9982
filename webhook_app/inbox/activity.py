"""What web processes saw, by shop: each topic's last arrival, refusals by the hour, when each secret was last used.

None of it decides anything: it is for the dashboard, for metrics and for alerts. Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, select

from webhook_app.inbox.engines.statements import Batch, adding
from webhook_app.inbox.tables import activity_totals, hourly_activity
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import CTE

    from webhook_app.inbox.store import Inbox

MOST_TOPICS = 100  # of a shop; whoever holds its secret may invent topics, and the rest is not noted


class ActivityKind(StrEnum):
    """What was seen; the sentence says what its `name` is."""

    TOPIC = "topic"  # a proven webhook came, be it new or a duplicate; its topic
    SECRET = "secret"  # noqa: S105 - a secret proved a webhook; its fingerprint
    REFUSAL = "refusal"  # a webhook was not stored; the reason that was answered
    ACCEPT = "accept"  # a webhook was stored; the milliseconds that took at the most, one of a few steps


@dataclass(frozen=True, slots=True)
class ActivityTotal:
    """How often something was seen in a shop since `first_at`, and when last."""

    shop: str
    name: str
    count: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class HourlyActivity:
    """How often something was seen in the hour that begins at `hour`."""

    shop: str
    platform: str
    name: str
    hour: int
    count: int


@dataclass(frozen=True, slots=True)
class ActivityCount:
    """What one web process saw of one thing within one hour."""

    shop: str
    platform: str
    kind: ActivityKind
    name: str
    count: int
    first_at: int
    last_at: int


def last_seen(inbox: Inbox, kind: ActivityKind, shop: str | None = None) -> list[ActivityTotal]:
    """Return what was seen of `kind`, in one shop or in all, by shop and name. Raises StoreUnavailableError.

    Cheap: a shop has a few topics, secrets and reasons, however many webhooks came.
    """
    table = activity_totals.c
    query = select(*(table[name] for name in ActivityTotal.__dataclass_fields__)).where(table.kind == kind)
    if shop is not None:
        query = query.where(table.shop == shop)
    with inbox.database.reading() as connection:
        return [ActivityTotal(*row) for row in connection.execute(query.order_by(table.shop, table.name))]


def by_hour(
    inbox: Inbox, kind: ActivityKind, since: int, until: int | None = None, shop: str | None = None
) -> list[HourlyActivity]:
    """Return TOPIC, REFUSAL or ACCEPT by hour, oldest first; hours without any are left out.

    `since` is included, `until` is not; both are about the beginning of the hour. Raises StoreUnavailableError.
    """
    table = hourly_activity.c
    query = select(*(table[name] for name in HourlyActivity.__dataclass_fields__))
    query = query.where(table.hour >= since, table.kind == kind)
    if until is not None:
        query = query.where(table.hour < until)
    if shop is not None:
        query = query.where(table.shop == shop)
    with inbox.database.reading() as connection:
        return [HourlyActivity(*row) for row in connection.execute(query.order_by(table.hour, table.shop, table.name))]


def totals(inbox: Inbox, kind: ActivityKind, since: int, until: int) -> dict[tuple[str, str], int]:
    """Add TOPIC or REFUSAL up over hours, by shop and name. Raises StoreUnavailableError.

    `since` is included, `until` is not; both are about the beginning of the hour.
    """
    table = hourly_activity.c
    query = select(table.shop, table.name, func.sum(table["count"]))
    query = query.where(table.hour >= since, table.hour < until, table.kind == kind)
    with inbox.database.reading() as connection:
        found = connection.execute(query.group_by(table.shop, table.name))
        return {(shop, name): int(count) for shop, name, count in found}


def record(inbox: Inbox, seen: Iterable[ActivityCount]) -> None:
    """Add what a process saw; not synced, so a power failure may lose some of it. Raises StoreUnavailableError."""
    rows = [_as_row(sighting) for sighting in sorted(_within_bounds(inbox, [*seen]), key=_order)]
    hourly = [row for row in rows if row["kind"] != ActivityKind.SECRET]
    with inbox.database.working(durable=False) as work:
        LAST.run(work, _together(rows))
        HOURLY.run(work, hourly)


def forget(inbox: Inbox, before: int) -> int:
    """Delete what was last seen before then (milliseconds); return the row count. Raises StoreUnavailableError."""
    with inbox.database.reading() as connection:
        old = select(hourly_activity.c.hour).where(hourly_activity.c.hour < before).limit(1)
        if connection.execute(old).first() is None:
            return 0
    with inbox.database.writing() as connection:
        hours = connection.execute(delete(hourly_activity).where(hourly_activity.c.hour < before)).rowcount
        return hours + connection.execute(delete(activity_totals).where(activity_totals.c.last_at < before)).rowcount


def _within_bounds(inbox: Inbox, seen: Collection[ActivityCount]) -> list[ActivityCount]:
    """Leave out topics beyond those that a shop may have."""
    known: defaultdict[str, set[str]] = defaultdict(set)
    for one in last_seen(inbox, ActivityKind.TOPIC):
        known[one.shop].add(one.name)
    return [
        sighting
        for sighting in seen
        if sighting.kind is not ActivityKind.TOPIC or _fits(known[sighting.shop], sighting)
    ]


def _fits(known: set[str], sighting: ActivityCount) -> bool:
    if len(known) < MOST_TOPICS:
        known.add(sighting.name)
    return sighting.name in known


def _order(sighting: ActivityCount) -> tuple[str, str, str, int]:
    """Processes that write the same rows write them in the same order, so that none waits for the other in a circle."""
    return sighting.shop, sighting.kind, sighting.name, sighting.first_at


def _as_row(sighting: ActivityCount) -> dict[str, Any]:
    row = {name: getattr(sighting, name) for name in ActivityCount.__dataclass_fields__}
    return {**row, "kind": sighting.kind.value, "hour": sighting.first_at // HOUR * HOUR}


def _together(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add up the hours of one thing: no statement may write the same row twice."""
    whole: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        total = whole.setdefault((row["shop"], row["kind"], row["name"]), {**row, "count": 0})
        total["count"] += row["count"]
        total["first_at"] = min(total["first_at"], row["first_at"])
        total["last_at"] = max(total["last_at"], row["last_at"])
    return list(whole.values())


def _last(insert: Any, given: CTE) -> Any:
    seeing, old = adding(insert, activity_totals, given), activity_totals.c
    new = seeing.excluded
    latest = case((new.last_at > old.last_at, new.last_at), else_=old.last_at)
    changed = {"count": old["count"] + new["count"], "last_at": latest}
    return seeing.on_conflict_do_update(index_elements=[*activity_totals.primary_key], set_=changed)


def _hourly(insert: Any, given: CTE) -> Any:
    seeing, old = adding(insert, hourly_activity, given), hourly_activity.c
    changed = {"count": old["count"] + seeing.excluded["count"]}
    return seeing.on_conflict_do_update(index_elements=[*hourly_activity.primary_key], set_=changed)


LAST, HOURLY = Batch([*activity_totals.columns], _last), Batch([*hourly_activity.columns], _hourly)
