"""Comparisons with the platforms' own lists: their results, where they continue, and which process does them.

Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from webhook_app.inbox import records
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.tables import reconciliation_states, reconciliations, task_leases
from webhook_app.time_units import DAY, uptime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.store import Inbox

TASK = "reconcile"
STORED_FOR = 30 * DAY
TRIED_WITHIN = DAY
REFUSED = frozenset({"api_unauthorized", "api_scope_missing"})
LASTING = 3  # failures in a row


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One comparison of a window of the platform's orders; `error` names why it was not complete, "" if it was.

    `kind` is `changes`, `whole` or `backfill`. `received` are the orders that are settled, `waiting` those under way,
    `missing` those of which nothing arrived, or nothing of their present state; `filled` of them were stored.
    """

    shop: str
    kind: str
    since: int
    until: int
    ended_at: int
    took: int
    listed: int
    received: int
    waiting: int
    missing: int
    filled: int
    error: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WebhookStatus:
    """A webhook for this receiver as the platform lists it; `repaired`: a reconciliation enabled it again."""

    topic: str
    status: str
    is_active: bool
    repaired: bool = False

    @property
    def works(self) -> bool:
        """Whether it sends webhooks, as far as is known."""
        return self.is_active or self.repaired


@dataclass(frozen=True, slots=True)
class ReconciliationState:
    """Where the comparison of a shop is.

    `watermark` is the date, by the platform's clock, up to which all changes were compared, `whole_at` when all orders
    of MAX_ORDER_AGE were; `failures` counts attempts in a row that ended in `error`. `missing` orders were found since
    comparisons find some, `unfinished` further ones by an attempt that has not ended; `noticed_at` is when orders were
    missing last, or a webhook was enabled again.
    """

    shop: str
    watermark: int | None = None
    whole_at: int | None = None
    tried_at: int = 0
    complete_at: int | None = None
    failures: int = 0
    error: str = ""
    detail: str = ""
    missing: int = 0
    missing_total: int = 0
    webhooks: Sequence[WebhookStatus] = field(default=())
    unfinished: int | None = None
    noticed_at: int | None = None


class Lease:
    """The right of one process to compare, for some time; lost when another process took it."""

    def __init__(self, inbox: Inbox, seconds: float) -> None:
        """Nothing is taken yet."""
        self._inbox, self._seconds, self._until = inbox, seconds, 0
        self._renew_at = 0.0  # uptime

    def take(self) -> bool:
        """Take the lease; False while another process has it. Raises StoreUnavailableError."""
        with self._inbox.database.write() as connection:
            now = self._inbox.database.now(connection)
            until = now + int(self._seconds * 1000)
            # A lease that ends later than a new one would was taken before the clock was put back.
            free = (task_leases.c.until <= now) | (task_leases.c.until > until)
            insertion = insert_into(connection, task_leases).values(name=TASK, until=until)
            index, changed = [task_leases.c.name], {"until": until}
            taking = insertion.on_conflict_do_update(index_elements=index, set_=changed, where=free)
            taken = connection.execute(taking.returning(task_leases.c.name)).first() is not None
        self._until = until if taken else 0
        self._renew_at = uptime() + self._seconds / 6
        return taken

    def is_held(self) -> bool:
        """Return whether the lease is still held, and renew it when a sixth of it is over.

        Raises StoreUnavailableError.
        """
        return uptime() < self._renew_at or self.renew()

    def renew(self) -> bool:
        """Extend the lease; False if another process has taken it meanwhile. Raises StoreUnavailableError."""
        return self._set(self._seconds)

    def release(self) -> None:
        """Give the lease back. Raises StoreUnavailableError."""
        self._set(0)

    def _set(self, seconds: float) -> bool:
        own = (task_leases.c.name == TASK) & (task_leases.c.until == self._until)
        with self._inbox.database.write() as connection:
            # Later than before, also within the same millisecond and after the clock was put back.
            until = max(self._inbox.database.now(connection) + int(seconds * 1000), self._until + 1 if seconds else 0)
            renewed = connection.execute(update(task_leases).where(own).values(until=until)).rowcount == 1
        self._until = until if renewed else 0
        self._renew_at = uptime() + self._seconds / 6
        return renewed


def states(inbox: Inbox) -> dict[str, ReconciliationState]:
    """Return where each shop's comparison is, by shop. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        return {state.shop: state for state in _states(connection)}


def current(inbox: Inbox, shops: Mapping[str, Shop]) -> dict[str, ReconciliationState]:
    """Return the states of the shops that give access to their platform's API now. Raises StoreUnavailableError.

    Whether an app that registers itself is still installed is seen from when its shop was compared last.
    """
    since = inbox.clock() - TRIED_WITHIN
    return {name: one for name, one in states(inbox).items() if name in shops and _has_access(shops[name], one, since)}


def comparable(inbox: Inbox, shops: Mapping[str, Shop]) -> list[str]:
    """Return the names of the shops whose orders the platform lists for the receiver. Raises StoreUnavailableError."""
    compared = current(inbox, shops)
    return sorted(one.name for one in shops.values() if one.api or one.name in compared)


def _has_access(shop: Shop, state: ReconciliationState, since: int) -> bool:
    return bool(shop.api) or (shop.app_secret is not None and state.tried_at >= since)


def save(inbox: Inbox, state: ReconciliationState, result: Reconciliation | None = None) -> None:
    """Store a state, and the comparison that led to it, in one transaction. Raises StoreUnavailableError."""
    values = records.as_row(state) | {"webhooks": json.dumps([records.as_row(one) for one in state.webhooks])}
    with inbox.database.write() as connection:
        saving = insert_into(connection, reconciliation_states).values(**values)
        index = [reconciliation_states.c.shop]
        changed = {name: value for name, value in values.items() if name != "shop"}
        connection.execute(saving.on_conflict_do_update(index_elements=index, set_=changed))
        if result:
            _add(connection, result)


def add(inbox: Inbox, result: Reconciliation) -> None:
    """Store a comparison that moves no watermark. Raises StoreUnavailableError."""
    with inbox.database.write() as connection:
        _add(connection, result)


def recent(inbox: Inbox, limit: int = 100) -> list[Reconciliation]:
    """Return the last comparisons, newest first. Raises StoreUnavailableError."""
    query = select(*records.columns_of(Reconciliation, reconciliations)).order_by(reconciliations.c.id.desc())
    with inbox.database.read() as connection:
        return records.read(connection, Reconciliation, query.limit(limit))


def prune(inbox: Inbox, before: int) -> None:
    """Delete comparisons after STORED_FOR, and the states of shops that were not compared since `before`.

    Raises StoreUnavailableError.
    """
    row, state = reconciliations.c, reconciliation_states.c
    with inbox.database.write(durable=False) as connection:
        connection.execute(delete(reconciliations).where(row.ended_at < inbox.clock() - STORED_FOR))
        connection.execute(delete(reconciliation_states).where(state.tried_at < before))


def _add(connection: Connection, result: Reconciliation) -> None:
    connection.execute(insert(reconciliations).values(**records.as_row(result)))


def _states(connection: Connection) -> list[ReconciliationState]:
    query = select(*records.columns_of(ReconciliationState, reconciliation_states))
    found = records.read(connection, ReconciliationState, query)
    return [replace(one, webhooks=_webhooks(one.webhooks)) for one in found]


def _webhooks(text: Any) -> tuple[WebhookStatus, ...]:
    stored: Sequence[Mapping[str, Any]] = json.loads(text)
    return tuple(WebhookStatus(**one) for one in stored)
