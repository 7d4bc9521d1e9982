"""Settles again what an outage of the database left open: whether the first attempt was stored is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from webhook_app.inbox import business_keys, queue
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import attempts, deliveries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from webhook_app.inbox.delivery import Delivery, Settlement
    from webhook_app.inbox.store import Inbox

    Rows = Mapping[int, Any]

READ = ("id", "shop", "topic", "received_at", "state", "reason", "claims")


def settle_again(inbox: Inbox, settlements: Sequence[Settlement]) -> list[bool]:
    """Store outcomes whose settlement failed; False for one whose lease went to another worker meanwhile.

    The failed attempt may have been stored after all: then nothing is left to do, and the outcome counts as settled.
    Or the server has lost the claim, which it does not flush: then the delivery is claimed again first, for its owner.
    Raises StoreUnavailableError.
    """
    numbers = [settlement.delivery.id for settlement in settlements]
    with inbox.database.write() as connection:
        rows = _rows(connection, numbers)
        done = _settled(connection, rows, settlements)
        known = [one for one in settlements if one.delivery.id not in done and _is_same(rows, one.delivery)]
        _claim_again(connection, [one for one in known if _is_lost(rows, one.delivery)])
        written = dict(
            zip(
                [one.delivery.id for one in known],
                queue.settle(connection, known, inbox.database.now(connection)),
                strict=True,
            )
        )
    return [number in done or written.get(number, False) for number in numbers]


def _rows(connection: Connection, numbers: Sequence[int]) -> Rows:
    """Read and lock the deliveries."""
    query = select(*(deliveries.c[name] for name in READ)).where(deliveries.c.id.in_(numbers)).order_by(deliveries.c.id)
    return {row.id: row for row in connection.execute(query.with_for_update())}


def _settled(connection: Connection, rows: Rows, settlements: Sequence[Settlement]) -> set[int]:
    """Return the numbers of the deliveries whose outcome is stored; a retry may have been claimed since."""
    claims = {settlement.delivery.id: settlement.delivery.claims for settlement in settlements}
    query = select(attempts.c.delivery_id, attempts.c.claim).where(attempts.c.delivery_id.in_(claims))
    failed = {number for number, claim in connection.execute(query) if claims[number] == claim}
    return failed | {one.delivery.id for one in settlements if _has_outcome(rows.get(one.delivery.id), one)}


def _has_outcome(row: Any, settlement: Settlement) -> bool:
    outcome = (settlement.delivery.claims, settlement.state, str(settlement.reason))
    return row is not None and (row.claims, row.state, row.reason) == outcome


def _is_same(rows: Rows, delivery: Delivery) -> bool:
    """Return whether the row is still that of the delivery: a restored backup may give its number to another one."""
    row = rows.get(delivery.id)
    wanted = (delivery.shop, delivery.topic, delivery.received_at)
    return row is not None and (row.shop, row.topic, row.received_at) == wanted


def _is_lost(rows: Rows, delivery: Delivery) -> bool:
    """Return whether the database has forgotten the claim: only claiming raises the number."""
    row = rows[delivery.id]
    return row.claims < delivery.claims and row.state in sources(Verb.CLAIM)


def _claim_again(connection: Connection, lost: Sequence[Settlement]) -> None:
    """Claim deliveries for the owners that had claimed them, and take the business keys of their calls."""
    for settlement in lost:
        delivery = settlement.delivery
        claimed = {"state": State.DELIVERING, "claims": delivery.claims, "due_at": delivery.due_at}
        connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(**claimed))
    business_keys.reserve(connection, [(one.delivery, one.call) for one in lost if one.call])
