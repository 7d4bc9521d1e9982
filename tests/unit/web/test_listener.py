"""How the processes of a web server share the connections that arrive."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import gevent
import pytest

from webhook_app.web.listener import MAX_SHARE, QUIET, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

BURST, CROWD = 16, 400
WITHIN = 10.0  # seconds


class Processes:
    """Listeners that share a socket as processes do; all are in one event loop, where the first would take all."""

    def __init__(self, stack: ExitStack, number: int) -> None:
        self._stack = stack
        self._socket = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=CROWD))
        self._socket.settimeout(0)
        self.accepted = [0] * number
        self._listeners = [Listener(self._socket.dup(), self._handler(index)) for index in range(number)]
        for one in self._listeners:
            one.start()
            stack.callback(one.stop)

    def _handler(self, index: int) -> Any:
        def handle(client: Any, _address: Any) -> None:
            self.accepted[index] += 1
            client.close()

        return handle

    def accept(self, number: int) -> None:
        """Accept so many connections, all of which are open before the first is accepted."""
        before = sum(self.accepted)
        for _ in range(number):
            self._stack.enter_context(socket.create_connection(self._socket.getsockname()))
        with gevent.Timeout(WITHIN):
            while sum(self.accepted) < before + number:
                gevent.sleep(0.001)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close the sockets and stop the listeners after a test."""
    with ExitStack() as stack:
        yield stack


def test_connections_that_are_opened_at_once_are_shared(stack: ExitStack) -> None:
    processes = Processes(stack, 2)
    for number in (1, 2):  # sharing begins anew after a quiet time
        processes.accept(BURST)
        assert min(processes.accepted) >= number * BURST / 4
        gevent.sleep(2 * QUIET)


def test_a_crowd_is_accepted_many_at_a_time(stack: ExitStack) -> None:
    processes = Processes(stack, 1)
    sums, check = [0], gevent.get_hub().loop.check()
    check.start(lambda: sums.append(sum(processes.accepted)))
    processes.accept(CROWD)
    check.stop()
    check.close()
    assert max(later - earlier for earlier, later in pairwise(sums)) == MAX_SHARE
