"""Every delivery about an order is found by the order's id, number and name, whatever became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from tests.support.deliveries import arrival, claim, claim_one, settle
from tests.support.recordings import SIGNED
from webhook_app.inbox import Inbox, NewDelivery, Selection, State, orders, retention
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.reports.changes import Follower
from webhook_app.inbox.tables import deliveries
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import order_reader

if TYPE_CHECKING:
    from collections.abc import Iterable

READ = order_reader(all_platforms())
NUMBERED = b'{"id": 5001, "name": "#1234", "line_items": []}'


def found(inbox: Inbox, order: str) -> list[int]:
    return [row.id for row in stored_deliveries.newest(inbox, 100, Selection(order=order))]


def read_all(inbox: Inbox) -> int:
    return orders.read_names(inbox, READ, 60, rest=0)


def test_both_spellings_and_the_id_find_an_order(inbox: Inbox) -> None:
    """In every state; other orders are not found."""
    states = (State.DELIVERED, State.IGNORED, State.DEAD, State.WAITING)
    for state in states:
        inbox.store(arrival(state, NUMBERED))
    for delivery, state in zip(claim(inbox, 4), states, strict=True):
        settle(inbox, delivery, state, reason="x", key="purchase:5001", order_name="#1234")
    inbox.store(arrival("received", NUMBERED))
    inbox.store(arrival("other", NUMBERED.replace(b"5001", b"1").replace(b"1234", b"12345")))
    read_all(inbox)
    for spelling in (
        *("#1234", "1234", " 1234 ", "# 1234", "Order #1234", "order 1234", "5001", "purchase:5001"),
        *("gid://shopify/Order/5001", "https://admin.shopify.com/store/acme/orders/5001?x=1"),
        *("https://acme.example/wp-admin/post.php?post=5001&action=edit", "admin.php?page=wc-orders&id=5001"),
    ):
        assert found(inbox, spelling) == [5, 4, 3, 2, 1], spelling
    assert found(inbox, "123") == []


@pytest.mark.parametrize("name", ["WEB-1234", "#NL-1234", "web-1234", "Web-1234", "order-7", "A 12", "#A1234-B"])
def test_a_name_is_found_in_any_case(inbox: Inbox, name: str) -> None:
    """Names with a prefix, as shops and plugins for sequential numbers make them, by what people type."""
    inbox.store(arrival("one", b"{}"))
    settle(inbox, claim_one(inbox), State.IGNORED, reason="x", key="purchase:1", order_name=name)
    for spelling in (name, name.lower(), name.removeprefix("#"), f"# {name.removeprefix('#')}", f" {name} "):
        assert found(inbox, spelling) == [1], spelling
    assert found(inbox, "order") == []


def test_every_recorded_order_is_found_whatever_became_of_it(inbox: Inbox) -> None:
    """The order that the platform's own reading finds, for every fixture of every platform."""
    wanted: dict[int, tuple[str, str]] = {}
    for number, one in enumerate(SIGNED):
        envelope, name = one.verify(), one.platform.name
        stored = NewDelivery(name, name, envelope.topic, str(number), envelope.domain, {}, one.body)
        if order := READ(name, envelope.topic, one.body):
            wanted[inbox.store(stored).id] = order
    assert len(wanted) > 150
    read_all(inbox)
    for delivery, (order_id, order_name) in wanted.items():
        assert delivery in found(inbox, order_id)
        assert not order_name or delivery in found(inbox, order_name)


def test_bodies_are_read_once_and_in_steps(inbox: Inbox) -> None:
    """A run that was stopped goes on where it was; what was read is not read again."""
    numbers = {inbox.store(arrival(str(each), NUMBERED)).id for each in range(orders.STEP + 5)}
    assert orders.read_names(inbox, READ, 0) == 0
    assert read_all(inbox) == len(numbers)
    assert read_all(inbox) == 0
    assert set(found(inbox, "1234")) >= set(sorted(numbers)[-90:])


def test_what_was_read_stays_where_a_later_attempt_reads_nothing(inbox: Inbox) -> None:
    """A settlement without an order, such as that of a shop that is missing, takes no number away."""
    inbox.store(arrival(body=NUMBERED))
    read_all(inbox)
    settle(inbox, claim_one(inbox), State.IGNORED, reason="x")
    assert found(inbox, "1234") == [1]


def test_redaction_takes_the_number_away(inbox: Inbox) -> None:
    """The id stays, since it keeps the order from being counted again."""
    inbox.store(arrival(body=NUMBERED))
    read_all(inbox)
    retention.redact(inbox, [1], "redacted", "Wiped.")
    read_all(inbox)
    assert (found(inbox, "1234"), found(inbox, "5001")) == ([], [1])


def test_tail_prints_an_order_once_its_number_is_known(inbox: Inbox) -> None:
    """It arrived before a worker had read its body."""
    follower = Follower(inbox, Selection(order="1234"))
    inbox.store(arrival(body=NUMBERED))
    assert numbers(follower.poll()) == []
    settle(inbox, claim_one(inbox), State.IGNORED, reason="x", key="purchase:5001", order_name="#1234")
    assert numbers(follower.poll()) == [1]


def numbers(rows: Iterable[object]) -> list[int]:
    return [row.id for row in rows]  # type: ignore[attr-defined]


@pytest.mark.engines("sqlite")
def test_nothing_is_scanned_for_an_order(inbox: Inbox) -> None:
    """Both the id and the number are searched in an index."""
    query = select(deliveries.c.id).where(orders.is_about("1234"))
    with inbox.database.read() as connection:
        text = str(query.compile(connection.engine, compile_kwargs={"literal_binds": True}))
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert not [step for step in plan if step.startswith("SCAN deliveries")], plan
