"""The statements that keep and settle, inside a transaction that somebody else opened. Times are milliseconds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert

from webhook_app.inbox.delivery import Kept
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import bodies, business_keys, deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from webhook_app.inbox.delivery import Arrival, Delivery, Settlement

# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
KEEP = insert(deliveries).on_conflict_do_nothing().returning(deliveries.c.id, deliveries.c.shop, deliveries.c.identity)


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


def leased(delivery: Delivery) -> Any:
    """Update the row only while its lease is still the one this delivery was claimed with."""
    mine = (deliveries.c.id == delivery.id) & (deliveries.c.claims == delivery.claims)
    return update(deliveries).where(mine, deliveries.c.state.in_(sources(Verb.SETTLE)))


def settle(connection: Connection, settlement: Settlement, now: int) -> bool:
    """Write one settlement down; False when the lease is not the delivery's any more."""
    delivery, call = settlement.delivery, settlement.call
    waits = settlement.state is State.WAITING
    dead = settlement.state is State.DEAD
    values: dict[str, Any] = {
        "state": settlement.state,
        "reason": settlement.reason,
        "detail": settlement.detail,
        "due_at": now + int(settlement.retry_in * 1000) if waits else None,
        "lapses": 0,
        "attempts": delivery.attempts + settlement.attempted,
        "first_attempt_at": delivery.first_attempt_at or (now if settlement.attempted else None),
        "settled_at": None if waits else now,
        "held_since": None if waits or dead or settlement.wipes else now,
        "answer": settlement.answer,
    }
    if call is not None:
        values |= {"event": call.event, "business_key": call.key, "call": call.as_json()}
    mine = connection.execute(leased(delivery).values(**values)).rowcount == 1
    if mine and dead and not settlement.keeps_key:
        connection.execute(delete(business_keys).where(_keys_of(settlement)))
    if mine and settlement.wipes:
        connection.execute(delete(bodies).where(bodies.c.delivery_id == delivery.id))
    return mine


def _keys_of(settlement: Settlement) -> Any:
    key = settlement.call.key if settlement.call else ""
    of_shop = (business_keys.c.shop == settlement.delivery.shop) & (business_keys.c.key == key)
    return of_shop & (business_keys.c.delivery_id == settlement.delivery.id)
