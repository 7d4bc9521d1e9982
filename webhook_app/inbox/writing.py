"""The statements that keep, claim and settle, inside an open transaction. Times are milliseconds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, and_, bindparam, cast, column, delete, func, or_, select, update, values

from webhook_app.inbox.delivery import Delivery, Kept
from webhook_app.inbox.statements import Batch, Statement, fixed
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import attempts, bodies, business_keys, deliveries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Column, Table

    from webhook_app.call import Call
    from webhook_app.inbox.delivery import Arrival, Settlement
    from webhook_app.inbox.statements import Work

KEPT = ("shop", "platform", "topic", "identity", "domain", "received_at")
# Due whatever the clock says, which may be put back, and before every retry.
AT_ONCE = 0
ANEW = {"state": State.RECEIVED.value, "reason": "", "detail": "", "due_at": AT_ONCE, "lapses": 0, "attempts": 0}
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


def _rows(table: Table, names: Sequence[str], size: int, **same: Any) -> list[dict[str, Any]]:
    """Return parameters for `size` rows of `table`; `same` are values that all rows share."""
    constant = {name: fixed(value) for name, value in same.items()}
    return [{**{name: _parameter(table.c[name], number) for name in names}, **constant} for number in range(size)]


def _parameter(of: Column[Any], number: int) -> Any:
    return bindparam(f"{of.name}_{number}", type_=of.type)


def _keep(insert: Any, size: int) -> Any:
    adding = insert(deliveries).values(_rows(deliveries, KEPT, size, **ANEW, claims=0)).on_conflict_do_nothing()
    return adding.returning(deliveries.c.id, deliveries.c.shop, deliveries.c.identity)


def _keep_body(insert: Any, size: int) -> Any:
    return insert(bodies).values(_rows(bodies, ("delivery_id", "headers", "body"), size))


def _reserve(insert: Any, size: int) -> Any:
    """A key that was taken for a time and is free again goes to the next; one taken for good has no `until`."""
    adding = insert(business_keys).values(_rows(business_keys, RESERVED, size))
    new, old = adding.excluded, business_keys.c
    return adding.on_conflict_do_update(
        index_elements=[old.shop, old.key],
        set_={name: new[name] for name in ("delivery_id", "since", "until")},
        where=or_(new.since >= old.until, new.until <= old.since),
    ).returning(old.shop, old.key, old.delivery_id)


def _states(verb: Verb) -> Any:
    return deliveries.c.state.in_([fixed(state) for state in sources(verb)])


def _leased(size: int, names: Sequence[str]) -> Any:
    """Return a table of parameters, and what joins it to deliveries whose lease is still the one that was claimed.

    Many rows in one statement: a round trip for each would cost more than all the rest of it.
    """
    columns = [column(name, deliveries.c[name].type) for name in (*LEASED, *names)]
    data = [tuple(_parameter(deliveries.c[each.name], number) for each in columns) for number in range(size)]
    given = values(*columns, name="given").data(data).cte("given")
    mine = and_(deliveries.c.id == given.c.id, deliveries.c.claims == given.c.claims, _states(Verb.SETTLE))
    return given, mine


def _settle(_insert: Any, size: int) -> Any:
    given, mine = _leased(size, (*WRITTEN, *OF_CALL))
    written = {name: given.c[name] for name in WRITTEN}
    of_call = {name: func.coalesce(given.c[name], deliveries.c[name]) for name in OF_CALL}
    return update(deliveries).where(mine).values(lapses=0, **written, **of_call).returning(deliveries.c.id)


def _release(_insert: Any, size: int) -> Any:
    _, mine = _leased(size, ())
    return update(deliveries).where(mine).values(state=fixed(State.RECEIVED), due_at=fixed(AT_ONCE))


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


def _bodies(_insert: Any, size: int) -> Any:
    numbers = [_parameter(bodies.c.delivery_id, number) for number in range(size)]
    return select(bodies.c.delivery_id, bodies.c.body).where(bodies.c.delivery_id.in_(numbers))


def _owners(_insert: Any, size: int) -> Any:
    pairs = [
        and_(*(business_keys.c[name] == _parameter(business_keys.c[name], number) for name in ("shop", "key")))
        for number in range(size)
    ]
    return select(business_keys.c.shop, business_keys.c.key, business_keys.c.delivery_id).where(or_(*pairs))


def _known(_insert: Any) -> Any:
    same = and_(deliveries.c.shop == bindparam("shop"), deliveries.c.identity == bindparam("identity"))
    return select(deliveries.c.id).where(same)


def _free(_insert: Any) -> Any:
    mine = [business_keys.c[name] == bindparam(name) for name in ("shop", "key", "delivery_id")]
    return delete(business_keys).where(*mine)


def _fail(insert: Any, size: int) -> Any:
    return insert(attempts).values(_rows(attempts, FAILED, size))


def _wipe(_insert: Any) -> Any:
    return delete(bodies).where(bodies.c.delivery_id == bindparam("delivery_id"))


KEEP, KEEP_BODY, BODIES, FAIL = Batch(_keep), Batch(_keep_body), Batch(_bodies), Batch(_fail)
RESERVE, OWNERS, SETTLE, RELEASE = Batch(_reserve), Batch(_owners), Batch(_settle), Batch(_release)
CLAIM, KNOWN, FREE, WIPE = Statement(_claim), Statement(_known), Statement(_free), Statement(_wipe)


def keep(work: Work, arrivals: Sequence[Arrival], now: int) -> list[Kept]:
    """Store arrivals that are not there yet, each with its body."""
    rows = KEEP.run(work, [_as_row(arrival, now) for arrival in arrivals])
    added = {(shop, identity): number for number, shop, identity in rows}
    kept: list[Kept] = []
    held: dict[int, dict[str, Any]] = {}
    for arrival in arrivals:
        number = added.get((arrival.shop, arrival.identity))
        kept.append(Kept(number or _number_of(work, arrival), duplicate=number is None or number in held))
        if number is not None and number not in held:
            headers = json.dumps(dict(arrival.headers))
            held[number] = {"delivery_id": number, "headers": headers, "body": arrival.body}
    KEEP_BODY.run(work, list(held.values()))
    return kept


def _as_row(arrival: Arrival, now: int) -> dict[str, Any]:
    return {
        "shop": arrival.shop,
        "platform": arrival.platform,
        "topic": arrival.topic,
        "identity": arrival.identity,
        "domain": arrival.domain,
        "received_at": arrival.received_at or now,
    }


def _number_of(work: Work, arrival: Arrival) -> int:
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
    return owner_of | {(shop, key): owner for shop, key, owner in found}


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
