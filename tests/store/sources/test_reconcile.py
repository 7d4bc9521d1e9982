"""Comparing with the platform's own list: nothing is fetched twice, nothing is left out, whatever goes wrong."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from schemas.events import Redaction
from tests.support import woocommerce_api as api
from tests.support.deliveries import claim
from tests.support.sources import FAST, HOUR, PLAN, deliver, order, platform_at, reconciler, shop_at, webhook
from webhook_app.config.shop_api import ShopApi
from webhook_app.delivery.privacy_subject import Subject
from webhook_app.delivery.privacy_worker import PrivacyWorker
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, Selection, State
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.privacy import privacy_requests
from webhook_app.inbox.privacy.privacy_requests import RequestKind
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.shop_records import reconciliations
from webhook_app.inbox.shop_records.platform_orders import find
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import BACKFILL
from webhook_app.sources import own_webhooks
from webhook_app.sources.reconcile import Reconciler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Clock
    from tests.support.api_server import Request
    from webhook_app.inbox.shop_records.reconciliations import Reconciliation, ReconciliationState


def fetched(inbox: Inbox) -> list[str]:
    """The identities of the orders that were fetched, in the order in which they were stored."""
    rows = stored_deliveries.pages(inbox, Selection(topic=BACKFILL), 1000)
    return [row.identity for page in rows for row in page]


def round_of(running: Reconciler) -> Reconciliation:
    [done] = running.once(only="acme")
    return done.result


def state_of(inbox: Inbox) -> ReconciliationState:
    return reconciliations.states(inbox)["acme"]


def test_each_order_is_compared_with_its_deliveries(inbox: Inbox, clock: Clock) -> None:
    """Delivered, ignored, waiting and dead orders are received; what never arrived is missing, and fetched once."""
    placed = clock.now - HOUR
    shop = api.Shop(orders={number: order(number, placed) for number in range(1, 7)})
    webhook(inbox, shop.orders[1])
    deliver(inbox)
    shop.orders[2]["status"] = "failed"
    webhook(inbox, shop.orders[2])
    deliver(inbox)
    webhook(inbox, shop.orders[3])
    deliver(inbox, answers=State.WAITING)
    webhook(inbox, shop.orders[4])
    deliver(inbox, answers=State.DEAD)
    webhook(inbox, shop.orders[5])  # which no worker has read
    with platform_at(clock, shop) as url:
        running = reconciler(inbox, url)
        first = round_of(running)
        assert (first.listed, first.received, first.waiting, first.missing, first.filled) == (6, 3, 2, 1, 1)
        [identity] = fetched(inbox)
        assert identity.startswith("backfill:6:")
        again = round_of(running)
        assert (again.waiting, again.missing, again.filled) == (3, 0, 0)
        assert sorted(deliver(inbox, url)) == ["purchase:5", "purchase:6"]
        assert [one.name for one in find(inbox, ["6"])] == ["6"]


def test_a_backlog_is_not_read_where_nothing_is_missing(inbox: Inbox, clock: Clock) -> None:
    """Reading the bodies that wait would slow their delivery down; it is done for an order that would be missing."""
    placed = clock.now - HOUR
    shop = api.Shop(orders={1: order(1, placed)})
    webhook(inbox, shop.orders[1])
    deliver(inbox)
    webhook(inbox, order(2, placed))  # which no worker has read
    with platform_at(clock, shop) as url:
        assert round_of(reconciler(inbox, url)).missing == 0
        assert stored_deliveries.newest(inbox, 1)[0].business_key is None
        shop.orders[2] = order(2, placed)
        assert round_of(reconciler(inbox, url)).waiting == 1
        assert stored_deliveries.newest(inbox, 1)[0].business_key == "purchase:2"


def test_a_payment_that_was_not_reported_is_missing(inbox: Inbox, clock: Clock) -> None:
    """An order that arrived as pending, and whose payment no webhook reported, is fetched in its present state."""
    placed = clock.now - 3 * HOUR
    webhook(inbox, order(1, placed, "pending"))
    assert deliver(inbox) == []
    shop = api.Shop(orders={1: order(1, placed, changed=clock.now - HOUR)})
    with platform_at(clock, shop) as url:
        assert round_of(reconciler(inbox, url)).missing == 1
        assert deliver(inbox, url) == ["purchase:1"]
        webhook(inbox, shop.orders[1], "order.updated")
        assert deliver(inbox, url) == []


def test_whichever_comes_first_counts(inbox: Inbox, clock: Clock) -> None:
    """A webhook that arrives after its order was fetched counts nothing, whatever address it names."""
    shop = api.Shop(orders={1: order(1, clock.now - HOUR)})
    with platform_at(clock, shop) as url:
        round_of(reconciler(inbox, url))
        webhook(inbox, shop.orders[1])
        assert deliver(inbox, url) == ["purchase:1"]


def test_what_a_person_decided_stays(inbox: Inbox, clock: Clock) -> None:
    """An order that was discarded is not fetched again."""
    shop = api.Shop(orders={1: order(1, clock.now - HOUR)})
    webhook(inbox, shop.orders[1])
    deliver(inbox, answers=State.DEAD)
    operator_actions.discard(inbox, [1], "dropped")
    with platform_at(clock, shop) as url:
        assert round_of(reconciler(inbox, url)).missing == 0


def test_an_erased_order_does_not_come_back(inbox: Inbox, clock: Clock) -> None:
    """What a privacy request wiped is not sent later, whichever way it comes again: no worker had read one of them."""
    placed = clock.now - HOUR
    shop = api.Shop(orders={1: order(1, placed), 2: order(2, placed), 3: order(3, placed, customer_id=5)})
    webhook(inbox, {**shop.orders[1], "status": "pending"})
    assert deliver(inbox) == []
    webhook(inbox, shop.orders[2])
    subject = Subject(Redaction("", "4")).as_json()
    number = privacy_requests.add(inbox, RequestKind.ERASE, "acme", subject).id
    with platform_at(clock, shop) as url:
        PrivacyWorker(inbox, {"acme": shop_at(url)}).carry_out(number)
        round_of(reconciler(inbox, url))
        for one in shop.orders.values():
            webhook(inbox, one, "order.updated")
        assert deliver(inbox, url) == ["purchase:3"]
        assert round_of(reconciler(inbox, url)).missing == 0


def test_an_erased_order_does_not_come_back_beside_a_copy_of_the_shop(inbox: Inbox, clock: Clock) -> None:
    """Another address has the key, with an order of the same number; the wiped one takes that of its own address."""
    placed = clock.now - HOUR
    webhook(inbox, order(1, placed, customer_id=5), "order.created", "https://staging.acme.example/")
    assert deliver(inbox) == ["purchase:1"]
    webhook(inbox, order(1, placed, "pending"))
    assert deliver(inbox) == []
    subject = Subject(Redaction("", "4")).as_json()
    number = privacy_requests.add(inbox, RequestKind.ERASE, "acme", subject).id
    PrivacyWorker(inbox, {"acme": shop_at("http://127.0.0.1")}).carry_out(number)
    webhook(inbox, order(1, placed), "order.updated")
    assert deliver(inbox) == []


def test_orders_of_the_last_minutes_are_left_for_later(inbox: Inbox, clock: Clock) -> None:
    """A webhook may be under way; the next rounds compare the order, and the watermark does not pass it."""
    placed = clock.now - 60_000
    shop = api.Shop(orders={1: order(1, placed)})
    with platform_at(clock, shop) as url:
        running = reconciler(inbox, url)
        assert round_of(running).listed == 0
        assert (state_of(inbox).watermark or 0) < placed
        clock.move(1200)
        shop.now = clock.now / 1000
        assert round_of(running).filled == 1


def test_an_order_that_is_too_old_is_not_fetched(inbox: Inbox, clock: Clock) -> None:
    """An edit of an old order is no purchase, and stores nothing."""
    shop = api.Shop()
    with platform_at(clock, shop) as url:
        running = reconciler(inbox, url)
        round_of(running)
        shop.add(order(1, clock.now - 30 * 24 * HOUR, changed=clock.now))
        clock.move(1200)
        shop.now = clock.now / 1000
        found = round_of(running)
    assert (found.kind, found.listed, found.missing) == ("changes", 1, 0)


@pytest.mark.parametrize("ahead", [-1, 1])
def test_a_clock_an_hour_off_leaves_no_order_out(inbox: Inbox, clock: Clock, ahead: int) -> None:
    """Windows go by the platform's clock: an order is fetched when its time has come, whatever ours shows."""
    shop, true = api.Shop(), clock.now
    clock.move(ahead * 3600)
    with platform_at(clock, shop) as url:
        running = reconciler(inbox, url)
        for number in range(1, 13):
            true += 600_000
            clock.move(600)
            shop.now = true / 1000
            shop.add(order(number, true - 1000))
            running.once(only="acme")
            if number == 6:
                clock.move(-ahead * 3600)  # it is set right
        clock.move(1500)
        shop.now = true / 1000 + 1500
        running.once(only="acme")
    assert sorted(int(one.split(":")[1]) for one in fetched(inbox)) == list(range(1, 13))
    assert state_of(inbox).watermark == (true - 1000) // 1000 * 1000


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_of_the_platform_that_is_wrong_leaves_no_order_out(inbox: Inbox, clock: Clock, hours: int) -> None:
    """A proxy answers with the right time, and the shop behind it dates its orders an hour off, until it is set right.

    Every order is fetched within a round of when its date came, none waits for the comparison of the night.
    """
    shop, off = api.Shop(), hours * HOUR
    with platform_at(clock, shop) as url:
        running = reconciler(inbox, url)
        for number in range(1, 13):
            clock.move(600)
            shop.now = clock.now / 1000
            shop.add(order(number, clock.now - 1000 + off))
            running.once(only="acme")
            off = 0 if number == 6 else off
        clock.move(3600)
        shop.now = clock.now / 1000
        running.once(only="acme")
    assert sorted(int(one.split(":")[1]) for one in fetched(inbox)) == list(range(1, 13))


@pytest.mark.engines("sqlite")
def test_the_clock_of_the_platform_is_put_back(inbox: Inbox, clock: Clock) -> None:
    """It was an hour ahead, with its Date and its orders: the watermark goes back with it, and none is left out."""
    shop, ahead = api.Shop(), HOUR
    with platform_at(clock, shop) as url:
        running = reconciler(inbox, url)
        for number in range(1, 9):
            clock.move(1200)
            ahead = HOUR if number < 5 else 0
            shop.now = (clock.now + ahead) / 1000
            shop.add(order(number, clock.now + ahead - 1_000_000))
            running.once(only="acme")
            assert (state_of(inbox).watermark or 0) <= clock.now + ahead
            assert len(fetched(inbox)) == number


class KilledError(BaseException):
    """The process is killed here."""


@contextmanager
def failing_write(inbox: Inbox, at: int, error: BaseException) -> Iterator[list[int]]:
    """Let the transaction number `at` fail as it ends; yields how many there were."""
    write, writes = inbox.database.write, [0]

    @contextmanager
    def failing(**options: Any) -> Iterator[Any]:
        writes[0] += 1
        with write(**options) as connection:
            yield connection
            if writes[0] == at:
                raise error

    inbox.database.write = failing  # type: ignore[method-assign]
    try:
        yield writes
    finally:
        inbox.database.write = write  # type: ignore[method-assign]


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), KilledError()], ids=["away", "killed"])
def test_it_ends_the_same_wherever_it_was_interrupted(inbox: Inbox, clock: Clock, error: BaseException) -> None:
    """The database goes away, or the process is killed, at every step: each order is fetched once, and none is lost."""
    shop = api.Shop(orders={number: order(number, clock.now - HOUR) for number in range(1, 121)})
    with platform_at(clock, shop) as url:
        for step in count(1):
            with failing_write(inbox, step, error) as writes, suppress(StoreUnavailableError, KilledError):
                reconciler(inbox, url).once(only="acme")
            clock.move(200)  # the lease of what was killed ends
            shop.now = clock.now / 1000
            if writes[0] < step:
                break
    assert step > 5
    assert sorted(int(one.split(":")[1]) for one in fetched(inbox)) == list(range(1, 121))


@pytest.mark.parametrize("number", range(1, 5))
def test_a_platform_that_fails_moves_no_watermark(inbox: Inbox, clock: Clock, number: int) -> None:
    """A comparison that did not finish says why, and is done again, sooner than usual."""
    shop = api.Shop(orders={number: order(number, clock.now - HOUR) for number in range(1, 251)})
    shop.before = lambda request: api.error("woocommerce_rest_cannot_view", 401) if request.number >= number else None
    with platform_at(clock, shop) as url:
        running = reconciler(inbox, url)
        result = round_of(running)
        assert (result.error, state_of(inbox).watermark) == ("api_scope_missing", None)
        assert state_of(inbox).failures == 1
        assert running.once() == []
        clock.move(31)
        shop.before = lambda _: None
        shop.now = clock.now / 1000
        [done] = running.once()
    assert (done.result.listed, done.result.error) == (250, "")
    assert (state_of(inbox).failures, state_of(inbox).error) == (0, "")
    assert len(set(fetched(inbox))) == len(fetched(inbox)) == 250


def test_a_bug_is_a_failed_comparison(inbox: Inbox, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged and stored, and the comparison is tried again later like any other."""
    monkeypatch.setattr(own_webhooks, "look", lambda *_: int("a bug"))
    with platform_at(clock, api.Shop()) as url:
        assert round_of(reconciler(inbox, url)).error == "internal_error"
    assert (state_of(inbox).failures, state_of(inbox).watermark) == (1, None)


def test_one_process_compares_at_a_time(inbox: Inbox, clock: Clock) -> None:
    """While one has the lease another does nothing; one that was killed keeps it for some minutes at most."""
    with platform_at(clock, api.Shop()) as url:
        killed = reconciliations.Lease(inbox, 180)
        assert killed.take()
        assert reconciler(inbox, url).once(only="acme") == []
        assert killed.renew()
        clock.move(181)
        assert len(reconciler(inbox, url).once(only="acme")) == 1
        assert not killed.renew()


def test_a_lease_that_was_lost_changes_nothing(inbox: Inbox, clock: Clock) -> None:
    """A process that was stopped for long does not write its result over that of the next one."""
    shop = api.Shop(orders={number: order(number, clock.now - HOUR) for number in range(1, 4)})
    with platform_at(clock, shop) as url:
        other = reconciler(inbox, url)

        def stands_still(request: Request) -> None:
            if request.path.endswith("/orders"):
                clock.move(1000)
                shop.before = lambda _: None
                assert other.once(only="acme")[0].result.filled == 3

        shop.before = stands_still
        assert reconciler(inbox, url).once(only="acme") == []
    assert (state_of(inbox).missing_total, len(reconciliations.recent(inbox))) == (3, 1)
    assert len(fetched(inbox)) == 3


@pytest.mark.engines("sqlite")
def test_changed_credentials_are_used(inbox: Inbox, clock: Clock) -> None:
    """Credentials that an app agreed while the worker runs are taken over, and so are new ones."""
    shops = {"acme": replace(shop_at("http://127.0.0.1:1"), api=None)}
    with platform_at(clock, api.Shop()) as url:
        running = Reconciler(inbox, lambda: shops, all_platforms(), PLAN, FAST)
        assert running.once() == []
        shops["acme"] = replace(shops["acme"], api=ShopApi(url, api.KEY, "wrong-since-yesterday"))
        assert len(running.once()) == 1
        shops["acme"] = shop_at(url)
        assert round_of(running).error == ""


def test_it_is_due_again_after_a_while(inbox: Inbox, clock: Clock) -> None:
    """A round comes every RECONCILE_EVERY, and once a day it compares all orders of MAX_ORDER_AGE."""
    kinds = []
    with platform_at(clock, shop := api.Shop()) as url:
        running = reconciler(inbox, url)
        for _ in range(2 * 26):
            kinds += [done.result.kind for done in running.once()]
            assert running.once() == []
            clock.move(1800)
            shop.now = clock.now / 1000
        clock.move(-600)  # it is put back: the next comparison does not wait for the old time
        assert len(running.once()) == 1
    assert kinds.count("whole") == 2
    assert len(kinds) == 2 * 26


def test_a_disabled_webhook_is_seen_and_enabled(inbox: Inbox, clock: Clock) -> None:
    """Where the shop wants it, a webhook that the platform disabled is enabled again; others are left alone."""
    urls = {
        1: "https://r.example/webhooks/woocommerce/acme/",
        2: "https://r.example/webhooks/woocommerce/other",
        3: "https://[no-address/webhooks/woocommerce/acme",
    }
    hooks = {
        n: {"id": n, "topic": "order.created", "delivery_url": url, "status": "disabled"} for n, url in urls.items()
    }
    with platform_at(clock, shop := api.Shop(webhooks=hooks)) as url:
        round_of(reconciler(inbox, url))
        [seen] = state_of(inbox).webhooks
        assert (seen.is_active, seen.repaired) == (False, False)
        running = reconciler(inbox, url, repair_webhooks=True)
        round_of(running)
        assert [one.repaired for one in state_of(inbox).webhooks] == [True]
        assert [one["status"] for one in shop.webhooks.values()] == ["active", "disabled", "disabled"]
        clock.move(900)
        round_of(running)
        assert [(one.is_active, one.repaired) for one in state_of(inbox).webhooks] == [(True, False)]


def test_orders_whose_deliveries_are_gone_are_known(inbox: Inbox, clock: Clock) -> None:
    """An order that was counted is not counted again, although its deliveries were erased."""
    shop = api.Shop(orders={1: order(1, clock.now - HOUR)})
    webhook(inbox, shop.orders[1])
    deliver(inbox)
    with inbox.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries")
    with platform_at(clock, shop) as url:
        assert round_of(reconciler(inbox, url)).missing == 0
    assert claim(inbox) == []
