"""The statements that keep, claim and settle, inside an open transaction. Times are milliseconds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, and_, bindparam, cast, delete, func, or_, select, update

from webhook_app.inbox.delivery import Delivery, StoreResult
from webhook_app.inbox.engines.statements import Batch, Statement, adding, fixed
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import attempts, bodies, business_keys, deliveries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import CTE, Column, Table

    from webhook_app.inbox.delivery import NewDelivery, Settlement
    from webhook_app.inbox.engines.statements import Work
    from webhook_app.tweakwise.call import Call

STORED = ("shop", "platform", "topic", "identity", "domain", "received_at")
# Due whatever the clock says, which may be put back, and before every retry.
AT_ONCE = 0
ANEW: dict[str, Any] = {
    "state": State.RECEIVED.value,
    "reason": "",
    "detail": "",
    "due_at": AT_ONCE,
    "lapses": 0,
    "attempts": 0,
}
WRITTEN = (
    "state",
    "reason",
    "detail",
    "due_at",
    "attempts",
    "first_attempt_at",
    "settled_at",
    "held_since",
    "answer",
    "took",
)
OF_CALL = ("event", "business_key", "call")  # what an earlier attempt wrote stays where there is nothing new
LEASED = ("id", "claims")
FAILED = ("delivery_id", "claim", "ended_at", "failure", "took")
RESERVED = ("shop", "key", "delivery_id", "since", "until")


def _keep(insert: Any, given: CTE) -> Any:
    """Add what is not there yet."""
    new = {name: fixed(value) for name, value in ANEW.items()} | {"claims": fixed(0)}
    rows = select(*(given.c[name] for name in STORED), *new.values()).where(fixed(1) == fixed(1))
    keeping = insert(deliveries).from_select([*STORED, *new], rows).on_conflict_do_nothing()
    return keeping.returning(deliveries.c.id, deliveries.c.shop, deliveries.c.identity)


def _keep_body(insert: Any, given: CTE) -> Any:
    return adding(insert, bodies, given)


def _keep_whole(insert: Any, given: CTE) -> Any:
    """Add deliveries with their bodies at one go, so that the statement is the transaction and costs one round trip."""
    added = _keep(insert, given).cte("added")
    same = and_(given.c.shop == added.c.shop, given.c.identity == added.c.identity)
    theirs = select(added.c.id, given.c.headers, given.c.body).join(given, same)
    held = insert(bodies).from_select(["delivery_id", "headers", "body"], theirs).cte("held")
    return select(added.c.id, added.c.shop, added.c.identity).add_cte(held)


def _reserve(insert: Any, given: CTE) -> Any:
    """A key that was taken for a time and is free again goes to the next; one taken for good has no `until`."""
    taking = adding(insert, business_keys, given)
    new, old = taking.excluded, business_keys.c
    return taking.on_conflict_do_update(
        index_elements=[old.shop, old.key],
        set_={name: new[name] for name in ("delivery_id", "since", "until")},
        where=or_(new.since >= old.until, new.until <= old.since),
    ).returning(old.shop, old.key, old.delivery_id)


def _states(verb: Verb) -> Any:
    return deliveries.c.state.in_([fixed(state) for state in sources(verb)])


def _mine(given: CTE) -> Any:
    """Find deliveries whose lease is still the one that was claimed.

    Many rows in one statement: a round trip for each would cost more than all the rest of it.
    """
    return and_(deliveries.c.id == given.c.id, deliveries.c.claims == given.c.claims, _states(Verb.SETTLE))


def _settle(_insert: Any, given: CTE) -> Any:
    written = {"lapses": fixed(0), **{name: given.c[name] for name in WRITTEN}}
    of_call = {name: func.coalesce(given.c[name], deliveries.c[name]) for name in OF_CALL}
    return update(deliveries).where(_mine(given)).values(**written, **of_call).returning(deliveries.c.id)


def _release(_insert: Any, given: CTE) -> Any:
    return update(deliveries).where(_mine(given)).values(state=fixed(State.RECEIVED), due_at=fixed(AT_ONCE))


def _claim(_insert: Any) -> Any:
    due = (
        select(deliveries.c.id)
        .where(deliveries.c.shop == bindparam("shop"), deliveries.c.due_at <= bindparam("now"), _states(Verb.CLAIM))
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(bindparam("limit", type_=Integer))
        # Two workers never wait for each other: each takes what the other has not.
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        update(deliveries)
        .where(deliveries.c.id.in_(select(due.c.id)))
        .values(
            state=fixed(State.DELIVERING),
            due_at=bindparam("until"),
            claims=deliveries.c.claims + fixed(1),
            lapses=deliveries.c.lapses + cast(deliveries.c.state == fixed(State.DELIVERING), Integer),
        )
        .returning(*(deliveries.c[name] for name in Delivery.__dataclass_fields__ if name != "body"))
    )


def _bodies(_insert: Any, given: CTE) -> Any:
    body = select(bodies.c.body).where(bodies.c.delivery_id == given.c.delivery_id)
    return select(given.c.delivery_id, body.scalar_subquery())


def _owners(_insert: Any, given: CTE) -> Any:
    same = and_(business_keys.c.shop == given.c.shop, business_keys.c.key == given.c.key)
    return select(given.c.shop, given.c.key, select(business_keys.c.delivery_id).where(same).scalar_subquery())


def _known(_insert: Any) -> Any:
    same = and_(deliveries.c.shop == bindparam("shop"), deliveries.c.identity == bindparam("identity"))
    return select(deliveries.c.id).where(same)


def _free(_insert: Any) -> Any:
    mine = [business_keys.c[name] == bindparam(name) for name in ("shop", "key", "delivery_id")]
    return delete(business_keys).where(*mine)


def _fail(insert: Any, given: CTE) -> Any:
    return adding(insert, attempts, given)


def _wipe(_insert: Any) -> Any:
    return delete(bodies).where(bodies.c.delivery_id == bindparam("delivery_id"))


def _of(table: Table, *names: str) -> list[Column[Any]]:
    return [table.c[name] for name in names]


CONTENT = _of(bodies, "headers", "body")
STORE = Batch(_of(deliveries, *STORED), _keep)
STORE_BODY = Batch([bodies.c.delivery_id, *CONTENT], _keep_body)
STORE_WHOLE = Batch([*_of(deliveries, *STORED), *CONTENT], _keep_whole)
BODIES = Batch([bodies.c.delivery_id], _bodies)
RESERVE, OWNERS = Batch(_of(business_keys, *RESERVED), _reserve), Batch(_of(business_keys, "shop", "key"), _owners)
SETTLE = Batch(_of(deliveries, *LEASED, *WRITTEN, *OF_CALL), _settle, at=deliveries.c.id)
FAIL = Batch(_of(attempts, *FAILED), _fail)
RELEASE = Batch(_of(deliveries, *LEASED), _release, at=deliveries.c.id)
CLAIM, KNOWN, FREE, WIPE = Statement(_claim), Statement(_known), Statement(_free), Statement(_wipe)


def store(work: Work, arrivals: Sequence[NewDelivery], now: int) -> list[StoreResult]:
    """Store arrivals that are not there yet, each with its body."""
    first: dict[tuple[str, str], NewDelivery] = {}
    for arrival in arrivals:
        first.setdefault((arrival.shop, arrival.identity), arrival)
    rows = [_as_row(arrival, now) for arrival in first.values()]
    added = {(shop, identity): number for number, shop, identity in _added(work, rows)}
    kept = []
    for arrival in arrivals:
        number = added.get((arrival.shop, arrival.identity))
        again = number is None or arrival is not first[arrival.shop, arrival.identity]
        kept.append(StoreResult(number or _number_of(work, arrival), duplicate=again))
    return kept


def _added(work: Work, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Store rows with their bodies; returns the number, shop and identity of those that were not there."""
    if work.knows_lists:
        return STORE_WHOLE.run(work, rows)
    added = STORE.run(work, rows)
    of_pair = {(row["shop"], row["identity"]): row for row in rows}
    STORE_BODY.run(work, [{**of_pair[shop, identity], "delivery_id": number} for number, shop, identity in added])
    return added


def _as_row(arrival: NewDelivery, now: int) -> dict[str, Any]:
    return {
        "shop": arrival.shop,
        "platform": arrival.platform,
        "topic": arrival.topic,
        "identity": arrival.identity,
        "domain": arrival.domain,
        "received_at": arrival.received_at or now,
        "headers": json.dumps(dict(arrival.headers)),
        "body": arrival.body,
    }


def _number_of(work: Work, arrival: NewDelivery) -> int:
    [(number,)] = KNOWN.run(work, {"shop": arrival.shop, "identity": arrival.identity})
    return int(number)


def claim(work: Work, shares: Mapping[str, int], now: int, until: int) -> list[Delivery]:
    """Lease each shop's share of what is due, those due longest first, and fetch the bodies."""
    rows = [
        row
        for shop, limit in shares.items()
        for row in CLAIM.run(work, {"shop": shop, "limit": limit, "now": now, "until": until})
    ]
    body_of = dict(BODIES.run(work, [{"delivery_id": row[0]} for row in rows]))
    return sorted((Delivery(*(*row, body_of.get(row[0]))) for row in rows), key=lambda delivery: delivery.id)


def reserve(work: Work, calls: Sequence[tuple[Delivery, Call]]) -> dict[int, int]:
    """Take each call's key for its delivery where it is free; returns the owner by delivery."""
    owners: dict[int, int] = {}
    while calls:
        # One statement cannot take the same key twice; who came later asks again.
        first = {(delivery.shop, call.key): (delivery, call) for delivery, call in reversed(calls)}
        owner_of = _taken(work, [_reserved(*first[pair]) for pair in sorted(first)])
        owners |= {delivery.id: owner_of[pair] for pair, (delivery, _) in first.items()}
        calls = [(delivery, call) for delivery, call in calls if delivery.id not in owners]
    return owners


def _taken(work: Work, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    owner_of = {(shop, key): owner for shop, key, owner in RESERVE.run(work, rows)}
    missed = [pair for row in rows if (pair := (row["shop"], row["key"])) not in owner_of]
    found = OWNERS.run(work, [{"shop": shop, "key": key} for shop, key in missed])
    return owner_of | {(shop, key): owner for shop, key, owner in found if owner is not None}


def _reserved(delivery: Delivery, call: Call) -> dict[str, Any]:
    since = None if call.within is None else delivery.received_at
    until = None if call.within is None else delivery.received_at + int(call.within * 1000)
    return {"shop": delivery.shop, "key": call.key, "delivery_id": delivery.id, "since": since, "until": until}


def settle(work: Work, settlements: Sequence[Settlement], now: int) -> list[bool]:
    """Write settlements down; False for one whose lease is not the delivery's any more."""
    written = {number for (number,) in SETTLE.run(work, [_settled(settlement, now) for settlement in settlements])}
    for settlement in settlements:
        if settlement.delivery.id in written:
            _let_go(work, settlement)
    FAIL.run(work, [_failed(one, now) for one in settlements if one.failure and one.delivery.id in written])
    return [settlement.delivery.id in written for settlement in settlements]


def _let_go(work: Work, settlement: Settlement) -> None:
    """Free the order of a dead delivery, and wipe what must go at once."""
    number, shop = settlement.delivery.id, settlement.delivery.shop
    if settlement.call and settlement.state is State.DEAD and not settlement.keeps_key:
        FREE.run(work, {"shop": shop, "key": settlement.call.key, "delivery_id": number})
    if settlement.wipes:
        WIPE.run(work, {"delivery_id": number})


def _failed(settlement: Settlement, now: int) -> dict[str, Any]:
    delivery = settlement.delivery
    return {
        "delivery_id": delivery.id,
        "claim": delivery.claims,
        "ended_at": now,
        "failure": settlement.failure,
        "took": settlement.took,
    }


def release(work: Work, claimed: Sequence[Delivery]) -> None:
    """Give deliveries back, those whose lease still is theirs."""
    RELEASE.run(work, [{"id": one.id, "claims": one.claims} for one in claimed])


def _settled(settlement: Settlement, now: int) -> dict[str, Any]:
    delivery, call = settlement.delivery, settlement.call
    waits = settlement.state is State.WAITING
    dead = settlement.state is State.DEAD
    return {
        "id": delivery.id,
        "claims": delivery.claims,
        "state": settlement.state.value,
        "reason": str(settlement.reason),
        "detail": settlement.detail,
        "due_at": now + int(settlement.retry_in * 1000) if waits else None,
        "attempts": delivery.attempts + settlement.attempted,
        "first_attempt_at": delivery.first_attempt_at or (now if settlement.attempted else None),
        "settled_at": None if waits else now,
        "held_since": None if waits or dead or settlement.wipes else now,
        # No text of PostgreSQL's holds a NUL, whatever a server answers.
        "answer": settlement.answer.replace("\0", "\ufffd") if settlement.answer else settlement.answer,
        "event": call.event if call else None,
        "took": settlement.took if settlement.attempted else None,
        "business_key": call.key if call else settlement.key,
        "call": call.as_json() if call else None,
    }
