"""The statements of the hot path by name: store, claim, reserve, settle, release. Times are milliseconds.

All other SQL is written with SQLAlchemy. How a text is run, and what `given`, :name and [[ ]] mean: statements.py.
"""

from __future__ import annotations

from webhook_app.inbox.engines.statements import Batch, Statement
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import WITHDRAWN


def _any_of(states: tuple[State, ...]) -> str:
    """Return states as a list of literals: a partial index or a cached plan is not chosen by a parameter."""
    return ", ".join(f"'{state}'" for state in states)


CLAIMABLE, SETTLEABLE = _any_of(sources(Verb.CLAIM)), _any_of(sources(Verb.SETTLE))

_NEW = "shop text, platform text, topic text, identity text, former_identity text, domain text, received_at bigint"
_CONTENT = "headers text, body bytea"


def _insert_deliveries(known: str) -> str:
    """Return the statement that adds deliveries; `known` is the number of one with the former identity, or NULL."""
    return f"""
INSERT INTO deliveries (shop, platform, topic, identity, domain, received_at,
                        state, reason, detail, due_at, lapses, attempts, claims)
SELECT shop, platform, topic, identity, domain, received_at, 'received', '', '', 0, 0, 0, 0
FROM given
WHERE former_identity IS NULL OR {known} IS NULL
ON CONFLICT DO NOTHING
RETURNING id, shop, identity
"""  # noqa: S608 - put together from constants


# Adds deliveries that are not stored yet; returns their numbers, shops and identities.
STORE = Batch(
    _NEW,
    _insert_deliveries("""(SELECT id FROM deliveries AS stored
       WHERE stored.shop = given.shop AND stored.identity = given.former_identity)"""),
)

# Adds the bodies of new deliveries.
STORE_BODY = Batch(
    f"delivery_id bigint, {_CONTENT}",
    "INSERT INTO bodies (delivery_id, headers, body) SELECT delivery_id, headers, body FROM given",
)

# Does both in one statement, which is a transaction by itself and costs one round trip (PostgreSQL only).
STORE_WHOLE = Batch(
    f"{_NEW}, {_CONTENT}",
    f"""WITH added AS ({_insert_deliveries("delivery_known_as(given.shop, given.former_identity)")}), stored AS (
    INSERT INTO bodies (delivery_id, headers, body)
    SELECT added.id, given.headers, given.body
    FROM added JOIN given ON given.shop = added.shop AND given.identity = added.identity
)
SELECT id, shop, identity FROM added
""",  # noqa: S608 - put together from constants
)

# Finds the number of a delivery that is stored already.
KNOWN = Statement("SELECT id FROM deliveries WHERE shop = :shop AND identity IN (:identity, :former_identity)")

# Lists the shops with unfinished deliveries and when the first of each is due. It goes from one shop to the next in
# the index of unfinished deliveries, so that its cost does not grow with their number.
QUEUES = Statement("""
WITH RECURSIVE found(shop) AS (
    SELECT min(shop) FROM deliveries WHERE due_at IS NOT NULL
    UNION ALL
    SELECT (SELECT min(shop) FROM deliveries WHERE due_at IS NOT NULL AND shop > found.shop)
    FROM found
    WHERE found.shop IS NOT NULL
)
SELECT shop, (SELECT min(due_at) FROM deliveries WHERE due_at IS NOT NULL AND shop = found.shop) AS due_at
FROM found
WHERE shop IS NOT NULL
""")

# Lists the throttles that are not in their initial state.
THROTTLES = Statement("""
SELECT name, failures, reason, pauses, open_until, probing, rate, rate_at, next_at
FROM lanes
""")

# Leases deliveries of a shop, those due longest first. Two workers never wait for each other: rows that another one
# has locked are skipped. Its columns are the fields of Delivery, without the body.
CLAIM = Statement(f"""
WITH due AS (
    SELECT id
    FROM deliveries
    WHERE shop = :shop AND due_at <= :now AND state IN ({CLAIMABLE})
        AND (state <> 'delivering' OR due_at <= :abandoned_before)
    ORDER BY due_at, id
    LIMIT :limit
    [[FOR UPDATE SKIP LOCKED]]
)
UPDATE deliveries
SET state = 'delivering', due_at = :until, claims = claims + 1,
    lapses = lapses + CAST(state = 'delivering' AS integer)
WHERE id IN (SELECT id FROM due)
RETURNING id, shop, platform, topic, domain, received_at, due_at, claims, lapses, attempts, first_attempt_at,
          replayed_at, ready_at
""")  # noqa: S608 - the states are constants

# Reads the bodies of claimed deliveries.
BODIES = Batch(
    "delivery_id bigint",
    "SELECT delivery_id, (SELECT body FROM bodies WHERE bodies.delivery_id = given.delivery_id) FROM given",
)

# Takes business keys that are free; returns the rows it wrote. A key with a period is free outside of it, one without
# `until` never; none is free for an address that has a key of its own. (NOT EXISTS may become a join.)
RESERVE = Batch(
    "shop text, key text, address_key text, address text, delivery_id bigint, since bigint, until bigint",
    """
INSERT INTO business_keys (shop, key, address, delivery_id, since, until)
SELECT shop, key, address, delivery_id, since, until
FROM given
WHERE (SELECT owned.delivery_id FROM business_keys AS owned
       WHERE owned.shop = given.shop AND owned.key = given.address_key) IS NULL
ON CONFLICT (shop, key) DO UPDATE
SET delivery_id = excluded.delivery_id, since = excluded.since, until = excluded.until
WHERE excluded.since >= business_keys.until OR excluded.until <= business_keys.since
RETURNING shop, key, delivery_id
""",
)

# Finds which deliveries own business keys, and for which address.
OWNERS = Batch(
    "shop text, key text",
    """
SELECT shop, key,
       (SELECT delivery_id FROM business_keys AS owned WHERE owned.shop = given.shop AND owned.key = given.key),
       (SELECT address FROM business_keys AS owned WHERE owned.shop = given.shop AND owned.key = given.key)
FROM given
""",
)

# Finds which orders a delivery has reported as cancelled, deleted, refunded or voided.
WITHDRAWN_ORDERS = Batch(
    "shop text, key text",
    f"""
SELECT shop, key
FROM given
WHERE (SELECT min(id) FROM deliveries
       WHERE deliveries.shop = given.shop AND deliveries.business_key = given.key AND {WITHDRAWN}) IS NOT NULL
""",  # noqa: S608 - a constant
)

# A lease is identified by the number of the claim. PostgreSQL is also given the numbers as a list: it caches the plan
# of a statement, also one made while the table was small and scanning it was cheapest, and so uses the index at once.
_LEASED = f"""
FROM given
WHERE deliveries.id = given.id AND deliveries.claims = given.claims AND deliveries.state IN ({SETTLEABLE})
[[AND deliveries.id = ANY (:id::bigint[])]]
"""

# Stores the outcomes of deliveries whose lease is still held; returns their numbers. What an earlier attempt stored of
# the call stays where there is nothing new. One statement for a group: a round trip for each would cost more.
SETTLE = Batch(
    "id bigint, claims integer, state text, reason text, detail text, due_at bigint, attempts integer,"
    "first_attempt_at bigint, settled_at bigint, held_since bigint, answer text, took integer,"
    "event text, business_key text, call text, order_name text,"
    "ready_at bigint",
    f"""
UPDATE deliveries
SET state = given.state, reason = given.reason, detail = given.detail, due_at = given.due_at, lapses = 0,
    attempts = given.attempts, first_attempt_at = given.first_attempt_at, settled_at = given.settled_at,
    held_since = given.held_since, answer = given.answer, took = given.took,
    event = coalesce(given.event, deliveries.event),
    business_key = coalesce(given.business_key, deliveries.business_key),
    call = coalesce(given.call, deliveries.call),
    order_name = coalesce(given.order_name, deliveries.order_name),
    ready_at = coalesce(given.ready_at, deliveries.ready_at)
{_LEASED}
RETURNING deliveries.id
""",  # noqa: S608 - put together from constants
)

# Adds failed attempts.
FAIL = Batch(
    "delivery_id bigint, claim integer, ended_at bigint, failure text, took integer",
    """
INSERT INTO attempts (delivery_id, claim, ended_at, failure, took)
SELECT delivery_id, claim, ended_at, failure, took FROM given
""",
)

# Frees the business key that a delivery owns, under either of its forms.
FREE = Statement(
    "DELETE FROM business_keys WHERE shop = :shop AND key IN (:key, :address_key) AND delivery_id = :delivery_id"
)

# Deletes a body.
WIPE = Statement("DELETE FROM bodies WHERE delivery_id = :delivery_id")

# Gives deliveries back whose lease is still held; they are due immediately, those that were replayed after new ones.
RELEASE = Batch(
    "id bigint, claims integer",
    f"""
UPDATE deliveries
SET state = 'received', due_at = CAST(deliveries.replayed_at IS NOT NULL AS integer)
{_LEASED}
""",  # noqa: S608 - put together from constants
)
