"""Which connection makes room when places run out, and what is read of it afterwards."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import gevent
import pytest
from gevent import socket as green_socket

from webhook_app.errors import OverloadedError
from webhook_app.web.connection import Connection
from webhook_app.web.places import INTERVAL, UNDISTURBED, Places

if TYPE_CHECKING:
    from collections.abc import Iterator


class Served:
    """A connection, both its ends, and the green thread that waits for the client."""

    def __init__(self, *, reading: bool = True) -> None:
        self.client, self.server = green_socket.socketpair()
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.connection = Connection(self.server)
        self.connection.expect(60)
        self.reading = reading

    def wait(self) -> gevent.Greenlet[[], bytes]:
        """Begin to wait, for a request or for the client to read."""
        waits = gevent.spawn(self._receive if self.reading else self._send)
        gevent.sleep(0)
        return waits

    def _receive(self) -> bytes:
        try:
            return self.connection.receive()
        except OverloadedError:
            return b"closed"

    def _send(self) -> bytes:
        try:
            self.connection.sendall(b"x" * 10_000_000)
        except OSError:
            return b"closed"
        return b"sent"


@pytest.fixture
def served() -> Iterator[list[Served]]:
    """Four connections."""
    made = [Served() for _ in range(4)]
    yield made
    for one in made:
        one.client.close()
        one.server.close()


def test_oldest_makes_room(served: list[Served]) -> None:
    """Of the connections that wait, the one whose last verified request is the longest ago."""
    places = Places(3)
    with ExitStack() as stack:
        for one in served[:3]:
            stack.enter_context(places.taken(one.connection))
        waits = [one.wait() for one in served[:3]]
        places.renew(served[0].connection)
        stack.enter_context(places.taken(served[3].connection))
        gevent.wait(waits, timeout=5, count=1)
    assert [wait.value for wait in waits] == [None, b"closed", None]
    gevent.killall(waits)


def test_connection_whose_answer_is_not_read_makes_room(served: list[Served]) -> None:
    """It does not matter what a connection waits for."""
    places, served[0].reading = Places(1), False
    with places.taken(served[0].connection):
        waits = served[0].wait()
        with places.taken(served[1].connection):
            assert waits.get(timeout=5) == b"closed"


def test_request_may_arrive_a_round_trip_after_its_connection(served: list[Served]) -> None:
    """However many connect at the same time, each has the time in which its request would arrive."""
    places = Places(1)

    def connect(one: Served) -> bytes:
        with places.taken(one.connection):
            gevent.spawn_later(UNDISTURBED / 2, one.client.sendall, b"request")
            return one.connection.receive()

    waits = [gevent.spawn(connect, one) for one in served]
    assert [wait.get(timeout=5) for wait in waits] == [b"request"] * len(served)


def test_only_idle_connections_are_closed_early(served: list[Served]) -> None:
    """When a process stops, a client that is sending a request may end it."""
    places = Places(4)
    with ExitStack() as stack:
        for one in served[:2]:
            stack.enter_context(places.taken(one.connection))
        served[1].connection.begin_request()
        waits = [one.wait() for one in served[:2]]
        places.close_idle(0.0)
        assert waits[0].get(timeout=5) == b"closed"
        served[1].client.sendall(b"the rest")
        assert waits[1].get(timeout=5) == b"the rest"


def test_request_in_progress_is_never_closed(served: list[Served]) -> None:
    """A request that is being stored is answered, however many connections arrive."""
    places, storing = Places(1), served[0]
    with places.taken(storing.connection), places.taken(served[1].connection):
        assert not storing.connection.closing
        storing.connection.sendall(b"stored")
    assert storing.client.recv(100) == b"stored"


def test_what_has_arrived_is_read_before_the_end(served: list[Served]) -> None:
    """A request that arrives while its connection is chosen is not lost."""
    waits = served[0].wait()
    served[0].client.sendall(b"request")
    assert served[0].connection.make_room()
    assert waits.get(timeout=5) == b"request"
    with pytest.raises(OverloadedError):
        served[0].connection.receive()


def test_repeated_unverified_requests_are_spread(served: list[Served]) -> None:
    """However many clients repeat requests that verify nothing, some time remains for others."""
    places, began = Places(100), time.monotonic()
    gevent.joinall([gevent.spawn(places.throttle, one.connection) for one in served])
    assert time.monotonic() - began >= INTERVAL * (len(served) - 1)


def test_connection_makes_room_in_the_middle_of_its_body(served: list[Served]) -> None:
    """Decoding what an attacker has sent is no request in progress."""

    def decode() -> str:
        try:
            while True:
                served[0].connection.give_way()
        except OverloadedError:
            return "closed"

    decodes = gevent.spawn(decode)
    gevent.sleep(0)
    assert served[0].connection.make_room()
    assert decodes.get(timeout=5) == "closed"
