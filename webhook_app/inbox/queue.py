"""Runs the hot statements: store, claim, reserve, settle and release, inside an open transaction."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from webhook_app.inbox import hot_statements as sql
from webhook_app.inbox import records
from webhook_app.inbox.business_keys import address_key
from webhook_app.inbox.delivery import Delivery, Queue, StoreResult
from webhook_app.inbox.engines.statements import takes_lists
from webhook_app.inbox.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from webhook_app.inbox.delivery import NewDelivery, Settlement

# These are before every retry, and independent of the clock, which may be put back.
DUE_IMMEDIATELY = 0
DUE_AFTER_NEW = 1  # a replayed delivery: due immediately too, but many of them do not hold up new ones


def store(connection: Connection, arrivals: Sequence[NewDelivery], now: int) -> list[StoreResult]:
    """Store arrivals that are not stored yet, each with its body."""
    first: dict[tuple[str, str], NewDelivery] = {}
    for arrival in arrivals:
        first.setdefault((arrival.shop, arrival.identity), arrival)
    rows = [_new_row(arrival, now) for arrival in first.values()]
    added = {(shop, identity): number for number, shop, identity in _added(connection, rows)}
    results = []
    for arrival in arrivals:
        number = added.get((arrival.shop, arrival.identity))
        duplicate = number is None or arrival is not first[arrival.shop, arrival.identity]
        results.append(StoreResult(number or _number_of(connection, arrival), duplicate=duplicate))
    return results


def _added(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Store rows with their bodies; returns the number, shop and identity of those that were not stored yet."""
    if takes_lists(connection):
        return sql.STORE_WHOLE.run(connection, rows)
    added = sql.STORE.run(connection, rows)
    row_of = {(row["shop"], row["identity"]): row for row in rows}
    bodies = [{**row_of[shop, identity], "delivery_id": number} for number, shop, identity in added]
    sql.STORE_BODY.run(connection, bodies)
    return added


def _new_row(arrival: NewDelivery, now: int) -> dict[str, Any]:
    return {
        "shop": arrival.shop,
        "platform": arrival.platform,
        "topic": arrival.topic,
        "identity": arrival.identity,
        "former_identity": arrival.former_identity,
        "domain": arrival.domain,
        "received_at": arrival.received_at or now,
        "headers": json.dumps(dict(arrival.headers)),
        "body": arrival.body,
    }


def _number_of(connection: Connection, arrival: NewDelivery) -> int:
    values = {"shop": arrival.shop, "identity": arrival.identity, "former_identity": arrival.former_identity}
    return min(int(number) for (number,) in sql.KNOWN.run(connection, values))


def queues(connection: Connection) -> list[Queue]:
    """Return the unfinished deliveries of each shop."""
    return [Queue(**row) for row in sql.QUEUES.run_named(connection)]


def claim(
    connection: Connection, shares: Mapping[str, int], now: int, until: int, abandoned_before: int
) -> list[Delivery]:
    """Lease each shop's share of its due deliveries, those due longest first, and read their bodies.

    A lease of another worker that expired after `abandoned_before` is left alone.
    """
    times = {"now": now, "until": until, "abandoned_before": abandoned_before}
    rows = [
        row
        for shop, limit in shares.items()
        for row in sql.CLAIM.run(connection, {"shop": shop, "limit": limit, **times})
    ]
    if not rows:
        return []
    columns = sql.CLAIM.columns
    number_of, make = itemgetter(columns.index("id")), records.maker(Delivery, (*columns, "body"))
    body_of = dict(sql.BODIES.run(connection, [{"delivery_id": number_of(row)} for row in rows]))
    return [make((*row, body_of.get(number_of(row)))) for row in sorted(rows, key=number_of)]


def settle(connection: Connection, settlements: Sequence[Settlement], now: int) -> list[bool]:
    """Store the outcomes of deliveries; False for one whose lease is held by another worker."""
    rows = [_outcome_row(settlement, now) for settlement in settlements]
    written = {number for (number,) in sql.SETTLE.run(connection, rows)}
    for settlement in settlements:
        if settlement.delivery.id in written:
            _delete_obsolete(connection, settlement)
    failed = [_attempt_row(one, now) for one in settlements if one.failure and one.delivery.id in written]
    sql.FAIL.run(connection, failed)
    return [settlement.delivery.id in written for settlement in settlements]


def _delete_obsolete(connection: Connection, settlement: Settlement) -> None:
    """Free the business key of a dead delivery, and delete a body that must not be stored any longer."""
    number, shop = settlement.delivery.id, settlement.delivery.shop
    if settlement.call and settlement.state is State.DEAD and not settlement.keeps_key:
        key, address = settlement.call.key, settlement.call.address
        freed = {"shop": shop, "key": key, "address_key": address_key(key, address), "delivery_id": number}
        sql.FREE.run(connection, freed)
    if settlement.wipes:
        sql.WIPE.run(connection, {"delivery_id": number})


def _attempt_row(settlement: Settlement, now: int) -> dict[str, Any]:
    delivery = settlement.delivery
    return {
        "delivery_id": delivery.id,
        "claim": delivery.claims,
        "ended_at": now,
        "failure": settlement.failure,
        "took": settlement.took,
    }


def _outcome_row(settlement: Settlement, now: int) -> dict[str, Any]:
    delivery, call = settlement.delivery, settlement.call
    waits = settlement.state is State.WAITING
    dead = settlement.state is State.DEAD
    return {
        "id": delivery.id,
        "claims": delivery.claims,
        "state": settlement.state.value,
        "reason": str(settlement.reason),
        "detail": _storable(settlement.detail),
        "due_at": (settlement.retry_at or now + int(settlement.retry_in * 1000)) if waits else None,
        "attempts": delivery.attempts + settlement.attempted,
        "first_attempt_at": _first_attempt(settlement, now),
        "settled_at": None if waits else now,
        "held_since": None if waits or dead or settlement.wipes else now,
        "answer": _storable(settlement.answer) if settlement.answer else settlement.answer,
        "event": call.event if call else None,
        "took": settlement.took if settlement.attempted else None,
        "business_key": call.key if call else settlement.key,
        "call": call.as_json() if call else None,
        "order_name": settlement.order_name,
        "ready_at": call.not_before if call else settlement.ready_at,
    }


def _first_attempt(settlement: Settlement, now: int) -> int | None:
    """Return when the first call was sent; not in the future, or the delivery would be retried until then."""
    first = settlement.delivery.first_attempt_at or (now if settlement.attempted else None)
    return min(first, now) if first else None


def _storable(text: str) -> str:
    """Return a text without NUL, which PostgreSQL cannot store: an outcome must never fail for what it quotes."""
    return text.replace("\0", "\ufffd")


def release(connection: Connection, claimed: Sequence[Delivery]) -> None:
    """Give back deliveries whose lease is still held."""
    sql.RELEASE.run(connection, [{"id": one.id, "claims": one.claims} for one in claimed])
