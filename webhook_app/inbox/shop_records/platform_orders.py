"""Orders as a platform lists them, and what the inbox knows about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, select, tuple_

from schemas.events import Reason
from webhook_app.inbox import records
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import ORDERS, business_keys, deliveries, platform_orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Select

    from webhook_app.inbox.store import Inbox

UNFINISHED = (State.RECEIVED, State.DELIVERING, State.WAITING)
KEYS_AT_A_TIME = 200
PRUNED_AT_A_TIME = 200


@dataclass(frozen=True, slots=True)
class PlatformOrder:
    """An order as it is at the platform: `placed_at` and `seen_at` are in milliseconds since 1970 UTC.

    `identity` is that of the delivery that would stand for this state of it. `reason` is why it is no purchase, "" if
    it is one; `amount` its revenue then, as text, None if unknown.
    """

    shop: str
    business_key: str
    name: str
    placed_at: int
    identity: str
    reason: str
    amount: str | None
    currency: str
    seen_at: int


@dataclass(slots=True)
class KnownOrder:
    """What the deliveries about an order say: whether it was sent, waits, or is dead; and reasons by identity."""

    delivered: bool = False
    waiting: bool = False
    dead: bool = False
    reasons: dict[str, str] = field(default_factory=dict)


def known(inbox: Inbox, shop: str, identities: Mapping[str, str]) -> dict[str, KnownOrder]:
    """Return what is known of the orders of a shop, by business key; without those of which nothing is.

    `identities` are those of the deliveries that would stand for the orders, by business key: the key of one that is
    stored is only known once it was translated. An order of another address is another order. One whose deliveries
    were deleted is known by its key alone.
    """
    found: dict[str, KnownOrder] = {}
    keys = list(identities)
    for start in range(0, len(keys), KEYS_AT_A_TIME):
        some = keys[start : start + KEYS_AT_A_TIME]
        by_identity = {identities[key]: key for key in some}
        owned = select(business_keys.c.key).where(business_keys.c.shop == shop, business_keys.c.key.in_(some))
        with inbox.database.read() as connection:
            for one in connection.execute(_about(shop, some, list(by_identity))):
                key = one.business_key or by_identity[one.identity]
                _add(found.setdefault(key, KnownOrder()), one.state, one.reason, one.identity)
            for key in connection.execute(owned).scalars():
                found.setdefault(key, KnownOrder(delivered=True))
    return found


def _about(shop: str, keys: Sequence[str], identities: Sequence[str]) -> Any:
    row = deliveries.c
    columns = (row.business_key, row.state, row.reason, row.identity)
    by_key = select(*columns).where(ORDERS, row.business_key.in_(keys), row.shop == shop)
    by_identity = select(*columns).where(row.shop == shop, row.identity.in_(identities), row.business_key.is_(None))
    return by_key.where(row.reason != Reason.OTHER_SHOP).union_all(by_identity)


def _add(order: KnownOrder, state: str, reason: str, identity: str) -> None:
    order.delivered |= state == State.DELIVERED
    order.waiting |= state in UNFINISHED
    order.dead |= state == State.DEAD
    if state == State.IGNORED:
        order.reasons[identity] = reason


def settled(inbox: Inbox, shop: str, identities: Mapping[str, str]) -> dict[str, str]:
    """Return those of the orders that were listed in their present state before, and delivered; the value is `reason`.

    `identities` as for known(). Raises StoreUnavailableError.
    """
    row, delivery = platform_orders.c, deliveries.c
    about = (delivery.shop == row.shop) & (delivery.business_key == row.business_key) & ORDERS
    sent = exists().where(about, delivery.state == State.DELIVERED, delivery.reason != Reason.OTHER_SHOP)
    keys, found = list(identities), dict[str, str]()
    for start in range(0, len(keys), KEYS_AT_A_TIME):
        some = row.business_key.in_(keys[start : start + KEYS_AT_A_TIME])
        query = select(row.business_key, row.identity, row.reason).where(row.shop == shop, some, sent)
        with inbox.database.read() as connection:
            rows = connection.execute(query).all()
        found |= {key: reason for key, identity, reason in rows if identities[key] == identity}
    return found


def save(inbox: Inbox, orders: Iterable[PlatformOrder]) -> None:
    """Store listed orders in place of their former state. Raises StoreUnavailableError."""
    rows = [records.as_row(one) for one in {one.business_key: one for one in orders}.values()]
    if not rows:
        return
    with inbox.database.write() as connection:
        saving = insert_into(connection, platform_orders)
        changed = {name: saving.excluded[name] for name in rows[0] if name not in {"shop", "business_key"}}
        index = [platform_orders.c.shop, platform_orders.c.business_key]
        connection.execute(saving.on_conflict_do_update(index_elements=index, set_=changed), rows)


def find(inbox: Inbox, names: Sequence[str]) -> list[PlatformOrder]:
    """Return listed orders that have one of the numbers, or an id as business key among `names`."""
    row = platform_orders.c
    wanted = row.name.in_(names) | row.business_key.in_(names)
    query = select(*records.columns_of(PlatformOrder, platform_orders)).where(wanted).order_by(row.shop).limit(50)
    with inbox.database.read() as connection:
        return records.read(connection, PlatformOrder, query)


def count(inbox: Inbox, since: int) -> dict[str, int]:
    """Count the listed orders that were placed since, by shop. Raises StoreUnavailableError."""
    row = platform_orders.c
    query = select(row.shop, func.count().label("number")).where(row.placed_at >= since).group_by(row.shop)
    with inbox.database.read() as connection:
        return {one.shop: one.number for one in connection.execute(query)}


def prune(inbox: Inbox, before: int) -> Iterator[int]:
    """Delete orders that were placed before, of any shop, in steps; yields how many each deleted.

    Raises StoreUnavailableError.
    """
    row = platform_orders.c
    some = select(row.shop, row.business_key).where(row.placed_at < before).limit(PRUNED_AT_A_TIME)
    while found := _keys(inbox, some):
        with inbox.database.write(durable=False) as connection:
            connection.execute(delete(platform_orders).where(tuple_(row.shop, row.business_key).in_(found)))
        yield len(found)


def _keys(inbox: Inbox, query: Select[Any]) -> list[tuple[str, str]]:
    with inbox.database.read() as connection:
        return [(one.shop, one.business_key) for one in connection.execute(query)]
