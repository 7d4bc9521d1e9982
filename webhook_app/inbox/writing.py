"""The statements that keep and settle, inside a transaction that somebody else opened. Times are milliseconds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, cast, delete, func, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from webhook_app.inbox.delivery import Delivery, Kept
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import bodies, business_keys, deliveries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from webhook_app.inbox.delivery import Arrival, Settlement

# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
KEEP = insert(deliveries).on_conflict_do_nothing().returning(deliveries.c.id, deliveries.c.shop, deliveries.c.identity)

RESERVE = insert(business_keys).on_conflict_do_nothing()
OWNERS = select(business_keys).where(
    tuple_(business_keys.c.shop, business_keys.c.key).in_(bindparam("pairs", expanding=True))
)

# An update of a delivery whose lease is still the one it was claimed with.
_LEASED = update(deliveries).where(
    deliveries.c.id == bindparam("of_delivery"),
    deliveries.c.claims == bindparam("of_claims"),
    deliveries.c.state.in_(sources(Verb.SETTLE)),
)
_WRITTEN = ("state", "reason", "detail", "due_at", "attempts", "first_attempt_at", "settled_at", "held_since", "answer")
_OF_CALL = ("event", "business_key", "call")  # what an earlier attempt wrote stays where there is nothing new
SETTLE = _LEASED.values(
    lapses=0,
    **{name: bindparam(name) for name in _WRITTEN},
    **{name: func.coalesce(bindparam(name), deliveries.c[name]) for name in _OF_CALL},
)
RELEASE = _LEASED.values(state=State.RECEIVED, due_at=bindparam("due_at"))

_DUE = (
    select(deliveries.c.id)
    .where(deliveries.c.due_at <= bindparam("now"), deliveries.c.state.in_(sources(Verb.CLAIM)))
    .order_by(deliveries.c.due_at)
    .limit(bindparam("limit"))
)
CLAIM = (
    update(deliveries)
    .where(deliveries.c.id.in_(_DUE))
    .values(
        state=State.DELIVERING,
        due_at=bindparam("until"),
        claims=deliveries.c.claims + 1,
        lapses=deliveries.c.lapses + cast(deliveries.c.state == State.DELIVERING, Integer),
    )
    .returning(*(deliveries.c[name] for name in Delivery.__dataclass_fields__ if name != "body"))
)
BODIES = select(bodies.c.delivery_id, bodies.c.body).where(bodies.c.delivery_id.in_(bindparam("ids", expanding=True)))


def keep(connection: Connection, arrivals: Sequence[Arrival], now: int) -> list[Kept]:
    """Store arrivals that are not there yet, each with its body."""
    rows = [_as_row(arrival, now) for arrival in arrivals]
    added = {(row.shop, row.identity): row.id for row in connection.execute(KEEP, rows)}
    kept: list[Kept] = []
    held: dict[int, dict[str, Any]] = {}
    for arrival in arrivals:
        number = added.get((arrival.shop, arrival.identity))
        kept.append(Kept(number or _number_of(connection, arrival), duplicate=number is None or number in held))
        if number is not None and number not in held:
            headers = json.dumps(dict(arrival.headers))
            held[number] = {"delivery_id": number, "headers": headers, "body": arrival.body}
    if held:
        connection.execute(insert(bodies), list(held.values()))
    return kept


def _as_row(arrival: Arrival, now: int) -> dict[str, Any]:
    return {
        "shop": arrival.shop,
        "platform": arrival.platform,
        "topic": arrival.topic,
        "identity": arrival.identity,
        "domain": arrival.domain,
        "received_at": now,
        "state": State.RECEIVED,
        "due_at": now,
    }


def _number_of(connection: Connection, arrival: Arrival) -> int:
    same = (deliveries.c.shop == arrival.shop) & (deliveries.c.identity == arrival.identity)
    number: int = connection.execute(select(deliveries.c.id).where(same)).scalar_one()
    return number


def claim(connection: Connection, limit: int, now: int, until: int) -> list[Delivery]:
    """Lease what is due, those due longest first, and fetch its bodies."""
    rows = connection.execute(CLAIM, {"now": now, "limit": limit, "until": until}).all()
    held = connection.execute(BODIES, {"ids": [row.id for row in rows]}) if rows else ()
    body_of = {row.delivery_id: row.body for row in held}
    return sorted(
        (Delivery(**row._asdict(), body=body_of.get(row.id)) for row in rows), key=lambda delivery: delivery.id
    )


def reserve(connection: Connection, wanted: Mapping[int, tuple[str, str]]) -> dict[int, int]:
    """Take each (shop, key) for its delivery where it is free; returns the owner by delivery."""
    rows = [{"shop": shop, "key": key, "delivery_id": number} for number, (shop, key) in wanted.items()]
    connection.execute(RESERVE, rows)
    owners = connection.execute(OWNERS, {"pairs": list(set(wanted.values()))})
    owner_of = {(row.shop, row.key): row.delivery_id for row in owners}
    return {number: owner_of[pair] for number, pair in wanted.items()}


def settle(connection: Connection, settlement: Settlement, now: int) -> bool:
    """Write one settlement down; False when the lease is not the delivery's any more."""
    mine = connection.execute(SETTLE, {**_lease_of(settlement.delivery), **_settled(settlement, now)}).rowcount == 1
    if mine and settlement.state is State.DEAD and not settlement.keeps_key:
        connection.execute(delete(business_keys).where(_keys_of(settlement)))
    if mine and settlement.wipes:
        connection.execute(delete(bodies).where(bodies.c.delivery_id == settlement.delivery.id))
    return mine


def release(connection: Connection, delivery: Delivery, now: int) -> None:
    """Give one delivery back, if its lease still is the delivery's."""
    connection.execute(RELEASE, {**_lease_of(delivery), "due_at": now})


def _lease_of(delivery: Delivery) -> dict[str, int]:
    return {"of_delivery": delivery.id, "of_claims": delivery.claims}


def _settled(settlement: Settlement, now: int) -> dict[str, Any]:
    delivery, call = settlement.delivery, settlement.call
    waits = settlement.state is State.WAITING
    dead = settlement.state is State.DEAD
    return {
        "state": settlement.state,
        "reason": settlement.reason,
        "detail": settlement.detail,
        "due_at": now + int(settlement.retry_in * 1000) if waits else None,
        "attempts": delivery.attempts + settlement.attempted,
        "first_attempt_at": delivery.first_attempt_at or (now if settlement.attempted else None),
        "settled_at": None if waits else now,
        "held_since": None if waits or dead or settlement.wipes else now,
        "answer": settlement.answer,
        "event": call.event if call else None,
        "business_key": call.key if call else None,
        "call": call.as_json() if call else None,
    }


def _keys_of(settlement: Settlement) -> Any:
    key = settlement.call.key if settlement.call else ""
    of_shop = (business_keys.c.shop == settlement.delivery.shop) & (business_keys.c.key == key)
    return of_shop & (business_keys.c.delivery_id == settlement.delivery.id)
