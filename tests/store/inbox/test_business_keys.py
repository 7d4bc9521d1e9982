"""Business keys by address: an order counts once for each, also beside and after an earlier version."""

from __future__ import annotations

import threading
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from tests.support.deliveries import arrival, claim, settle
from webhook_app.inbox import Delivery, Inbox, State, migrate
from webhook_app.inbox.retention import Retention, sweep
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from tests.conftest import Clock

A, B = "a.example", "b.example/shop"
KEY = "purchase:77"


def order(address: str = "", key: str = KEY) -> Call:
    return Call("purchase", key, {"ProductKeys": ["1"], "ProfileKey": "k"}, address=address)


def delivery(inbox: Inbox, domain: str = "") -> Delivery:
    number = inbox.store(arrival(uuid.uuid4().hex, domain=domain)).id
    [found] = [one for one in claim(inbox, 99) if one.id == number]
    return found


def owner(inbox: Inbox, one: Delivery, call: Call) -> int:
    return inbox.reserve([(one, call)])[one.id]


def as_earlier_version(inbox: Inbox, one: Delivery, key: str = KEY) -> int:
    """Reserve a key as the version before addresses does; returns its owner."""
    values = {"shop": one.shop, "key": key, "delivery_id": one.id}
    with inbox.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO business_keys (shop, key, delivery_id, since, until) "
                "VALUES (:shop, :key, :delivery_id, NULL, NULL) ON CONFLICT (shop, key) DO NOTHING"
            ),
            values,
        )
        owner_of = text("SELECT delivery_id FROM business_keys WHERE shop = :shop AND key = :key")
        return int(connection.execute(owner_of, values).scalar_one())


def rows(inbox: Inbox) -> set[tuple[str, str | None]]:
    with inbox.database.read() as connection:
        return {(row.key, row.address) for row in connection.execute(text("SELECT key, address FROM business_keys"))}


def test_an_order_counts_once_for_each_address(inbox: Inbox) -> None:
    """A copy of the shop takes no order number away, and each address counts its own only once."""
    first, second, again_b, again_a = (delivery(inbox) for _ in range(4))
    assert owner(inbox, first, order(A)) == first.id
    assert rows(inbox) == {(KEY, A)}
    assert owner(inbox, second, order(B)) == second.id
    assert owner(inbox, again_b, order(B)) == second.id
    assert owner(inbox, again_a, order(A)) == first.id
    assert owner(inbox, second, order(B)) == second.id
    assert rows(inbox) == {(KEY, A), (f"{KEY}@{B}", B)}


def test_addresses_in_one_group(inbox: Inbox) -> None:
    """So it is when they are reserved together."""
    calls = [(delivery(inbox), order(address)) for address in (A, B, A, B, B)]
    (a1, b1, a2, b2, b3), owners = [one.id for one, _ in calls], inbox.reserve(calls)
    assert owners == {a1: a1, a2: a1, b1: b1, b2: b1, b3: b1}


@pytest.mark.parametrize("address", [A, B, ""])
def test_counted_by_an_earlier_version(inbox: Inbox, address: str) -> None:
    """What an earlier version counted, or is about to, stays counted for every address."""
    old, new = delivery(inbox), delivery(inbox)
    assert as_earlier_version(inbox, old) == old.id
    assert owner(inbox, new, order(address)) == old.id
    assert owner(inbox, old, order(address)) == old.id


@pytest.mark.parametrize("addresses", [(A,), (A, B), (B, A)])
def test_an_earlier_version_beside_this_one(inbox: Inbox, addresses: tuple[str, ...]) -> None:
    """During a rolling release an earlier version counts nothing that this one counted, from whatever address."""
    first, *_ = [owner(inbox, delivery(inbox), order(address)) for address in addresses]
    assert as_earlier_version(inbox, delivery(inbox)) == first


def test_a_sender_without_address(inbox: Inbox) -> None:
    """An order without an address counts for all, and none counts beside it."""
    first, second = delivery(inbox), delivery(inbox)
    assert owner(inbox, first, order()) == first.id
    assert owner(inbox, second, order(A)) == first.id
    third = delivery(inbox)
    assert owner(inbox, third, order(A, "purchase:78")) == third.id
    assert owner(inbox, second, order("", "purchase:78")) == third.id


@pytest.mark.parametrize("dies", [A, B])
def test_a_dead_delivery_frees_its_own_key_alone(inbox: Inbox, dies: str) -> None:
    """Its order can be counted by the next delivery from that address, and the other address's still counts once."""
    owners = {address: delivery(inbox, address) for address in (A, B)}
    for address, one in owners.items():
        assert owner(inbox, one, order(address)) == one.id
    assert settle(inbox, owners[dies], State.DEAD, call=order(dies))
    [lives] = {A, B} - {dies}
    assert owner(inbox, delivery(inbox), order(lives)) == owners[lives].id
    after = delivery(inbox)
    assert owner(inbox, after, order(dies)) == after.id


def test_long_addresses_and_order_numbers(inbox: Inbox) -> None:
    """Keys of the longest order numbers and addresses fit, and are distinct."""
    key = f"purchase:{'9' * 128}"
    longest = [f"{letter}/{'x' * 250}" for letter in "abc"]
    deliveries = [delivery(inbox) for _ in longest]
    for _ in "ab":
        for one, address in zip(deliveries, longest, strict=True):
            assert owner(inbox, one, order(address, key)) == one.id


def test_keys_are_deleted_with_their_rows(inbox: Inbox, clock: Clock) -> None:
    """Retention deletes both forms of a key with the row that has it."""
    for address in (f"https://www.{A}/", f"http://{B}/"):
        one = delivery(inbox, address)
        bare = A if A in address else B
        assert owner(inbox, one, order(bare)) == one.id
        assert settle(inbox, one, State.DELIVERED, call=order(bare))
    clock.move(100)
    assert sweep(inbox, Retention(1, 1))[1] >= 2
    assert rows(inbox) == set()


def test_many_workers_at_once(inbox: Inbox) -> None:
    """Workers that reserve at the same moment agree on one owner for each address."""
    calls = [[(delivery(inbox), order(address, f"purchase:{n}")) for n in range(8)] for address in (A, B, A, B)]
    url = inbox.database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    found: list[dict[int, int]] = []
    barrier = threading.Barrier(len(calls))

    def reserve(mine: list[tuple[Delivery, Call]]) -> None:
        with closing(Inbox(url, clock=inbox.clock)) as own:
            barrier.wait(10)
            found.append(own.reserve(mine))

    threads = [threading.Thread(target=reserve, args=(mine,)) for mine in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    owners: dict[tuple[str, str], set[int]] = {}
    call_of = {one.id: call for mine in calls for one, call in mine}
    for result in found:
        for number, owning in result.items():
            owners.setdefault((call_of[number].key, call_of[number].address), set()).add(owning)
    assert len(found) == len(calls)
    assert all(len(several) == 1 for several in owners.values())
    assert len({next(iter(several)) for several in owners.values()}) == 16


def test_upgrade_of_an_earlier_database(database_url: str) -> None:
    """Orders and webhooks of a database of the previous version stay known: counted, and recognised as duplicates."""
    with closing(Inbox(database_url)) as inbox:
        inbox.database.prepare()
        config = Config()
        config.set_main_option("script_location", str(migrate.SCRIPTS))
        with inbox.database.write() as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "0007")
        names = "shop, platform, topic, identity, domain, received_at, state, reason, detail, claims, lapses, attempts"
        old = "'acme', 'shopify', 'orders/create', 'an-id', 'a.example', 1, 'delivered', '', '', 1, 0, 1"
        with inbox.database.write() as connection:
            connection.execute(text(f"INSERT INTO deliveries ({names}, business_key) VALUES ({old}, '{KEY}')"))
            connection.execute(text(f"INSERT INTO business_keys (shop, key, delivery_id) VALUES ('acme', '{KEY}', 1)"))
        migrate.upgrade(inbox.database)
        again = inbox.store(arrival("a digest", former_identity="an-id"))
        assert (again.id, again.duplicate) == (1, True)
        for address in ("", A, B):
            new = delivery(inbox)
            assert owner(inbox, new, order(address)) == 1
