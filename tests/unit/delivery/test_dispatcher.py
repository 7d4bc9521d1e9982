"""The dispatcher's thread, with a real client and a real server on this machine."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.calls import CALL, SHOP
from tests.support.sockets import NO_CONTENT, answering, serving, silent
from webhook_app.delivery.dispatcher import Dispatcher, Job
from webhook_app.inbox import Delivery
from webhook_app.time_units import uptime
from webhook_app.tweakwise.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.delivery.dispatcher import Dispatched

WITHIN = 15  # seconds
ANY_TIME = math.inf


def job(number: int, shop: str = "a") -> Job:
    delivery = Delivery(number, shop, "shopify", "orders/create", 0, 0, 1, 0, 0, None, b"{}")
    return Job(delivery, replace(SHOP, name=shop), CALL)


class Results:
    """Collects what a dispatcher returns, whenever it announces something."""

    def __init__(self) -> None:
        self.announced = threading.Event()
        self.all: list[Dispatched] = []

    def wait_for(self, dispatcher: Dispatcher, count: int) -> list[Dispatched]:
        while len(self.all) < count:
            assert self.announced.wait(WITHIN)
            self.announced.clear()
            self.all += dispatcher.results()
        return self.all


@contextmanager
def dispatching(url: str, parallel: int = 2) -> Iterator[tuple[Dispatcher, Results]]:
    results = Results()
    dispatcher = Dispatcher(Client[Job](url, timeout=1.0), parallel, results.announced.set)
    dispatcher.start()
    try:
        yield dispatcher, results
    finally:
        assert dispatcher.stop(WITHIN)


def numbers(done: list[Dispatched], *, sent: bool) -> list[int]:
    return sorted(one.job.delivery.id for one in done if bool(one.result) is sent)


def test_every_job_has_a_result() -> None:
    """Each is sent once, over as many connections as may be in flight."""
    with serving(answering(*[NO_CONTENT] * 20)) as server, dispatching(server.url) as (dispatcher, results):
        dispatcher.submit((job(number) for number in range(20)), ANY_TIME)
        done = results.wait_for(dispatcher, 20)
        assert numbers(done, sent=True) == list(range(20))
        assert [one.result.failure for one in done if one.result] == [None] * 20
        assert server.connections <= 2


def test_a_hanging_shop_has_its_own_calls_in_flight() -> None:
    """Another shop's call is answered while the first shop's calls hang, and no more than two of those began."""
    with (
        serving(silent) as hanging,
        serving(answering(NO_CONTENT)) as quick,
        dispatching(quick.url) as (dispatcher, results),
    ):
        slow = [job(number, "slow") for number in range(5)]
        dispatcher.submit([replace(one, shop=replace(one.shop, tweakwise_url=hanging.url)) for one in slow], ANY_TIME)
        dispatcher.submit([job(9, "quick")], ANY_TIME)
        assert numbers(results.wait_for(dispatcher, 1), sent=True) == [9]
        assert hanging.connections <= 2


def test_a_lease_about_to_end_is_not_used() -> None:
    """A call that could not begin in time is returned unsent: it might outlast the lease."""
    with serving(answering(NO_CONTENT)) as server, dispatching(server.url) as (dispatcher, results):
        dispatcher.submit([job(1)], uptime() - 0.001)
        dispatcher.submit([job(2)], uptime() + WITHIN)
        done = results.wait_for(dispatcher, 2)
        assert (numbers(done, sent=False), numbers(done, sent=True)) == ([1], [2])


def test_no_call_begins_on_hold() -> None:
    """Calls begin again after resume(), and those whose time is over by then are returned unsent."""
    with serving(answering(NO_CONTENT)) as server, dispatching(server.url) as (dispatcher, results):
        dispatcher.hold(0)
        dispatcher.submit([job(1)], uptime() + 0.2)
        dispatcher.submit([job(2)], uptime() + WITHIN)
        threading.Event().wait(0.3)
        assert (server.connections, dispatcher.results()) == (0, [])
        dispatcher.resume()
        done = results.wait_for(dispatcher, 2)
        assert (numbers(done, sent=False), numbers(done, sent=True)) == ([1], [2])


def test_calls_begin_until_the_hold() -> None:
    """A hold in the future stops nothing yet."""
    with serving(answering(NO_CONTENT)) as server, dispatching(server.url) as (dispatcher, results):
        dispatcher.hold(WITHIN)
        dispatcher.submit([job(1)], ANY_TIME)
        assert numbers(results.wait_for(dispatcher, 1), sent=True) == [1]


def test_what_has_not_begun_is_given_back() -> None:
    """All that waits is returned unsent; what is submitted afterwards is sent once calls may begin again."""
    with serving(answering(NO_CONTENT)) as server, dispatching(server.url) as (dispatcher, results):
        dispatcher.hold(0)
        dispatcher.submit((job(number) for number in range(3)), ANY_TIME)
        dispatcher.give_back()
        assert numbers(results.wait_for(dispatcher, 3), sent=False) == [0, 1, 2]
        dispatcher.submit([job(4)], ANY_TIME)
        dispatcher.resume()
        assert numbers(results.wait_for(dispatcher, 4), sent=True) == [4]


def test_stop_finishes_calls_in_flight_and_releases_the_rest() -> None:
    """What had begun has a result, what had not is returned unsent."""
    with serving(silent) as server:
        with dispatching(server.url) as (dispatcher, results):
            dispatcher.submit((job(number) for number in range(5)), ANY_TIME)
            while server.connections < 2:
                threading.Event().wait(0.01)
        done = [*results.all, *dispatcher.results()]
        assert numbers(done, sent=True) == [0, 1]
        assert numbers(done, sent=False) == [2, 3, 4]
