"""The client of the Tweakwise Analytics API: many calls under way from one thread, and what came of each."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import pycurl

from webhook_app.config.settings import CONTENT_TYPES
from webhook_app.tweakwise.retry_policy import Failure
from webhook_app.tweakwise.transport import IdleConnections, Request, Transfer

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop
    from webhook_app.tweakwise.call import Call

T = TypeVar("T")

# The official Magento module waits as long: https://github.com/EmicoEcommerce/Magento2Tweakwise
TIMEOUT = 5.0  # seconds for a call, from looking up the name to the last byte of the answer
MOST_CONNECTIONS = 256  # kept alive; more may be open while more calls are under way
LONGEST_READ = 1.0  # seconds between a status and the end of its answer, after which nobody waits for it any more
LOOK_EVERY = 0.25  # seconds between two looks at who lets us wait like that

POLL_FOR = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


@dataclass(frozen=True, slots=True)
class CallResult(Generic[T]):
    """One finished attempt: the caller's ticket, what went wrong (None: any 2xx), and how long it took."""

    ticket: T
    failure: Failure | None
    milliseconds: int


@dataclass(slots=True)
class _Flight(Generic[T]):
    exchange: Transfer
    ticket: T
    began: float
    answered: float = math.inf  # when we saw that it had its status


class Client(Generic[T]):
    """Drives libcurl's multi interface: https://curl.se/libcurl/c/curl_multi_socket_action.html.

    It belongs to one thread; only wake() may be called from another, or from a signal handler.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT, content_type: str = CONTENT_TYPES[0]) -> None:
        """`url` is where shops go that name no other; `timeout` is in seconds, for a call from beginning to end."""
        self.url, self._timeout, self._content_type = url, timeout, content_type
        self._flights: dict[pycurl.Curl, _Flight[T]] = {}
        self._spare: list[Transfer] = []
        self._kept = IdleConnections()
        self._done: list[CallResult[T]] = []
        self._due: float | None = None  # when libcurl wants to be called without anything having happened
        self._next_look, self._woken = 0.0, False
        self._mouth, self._ear = socket.socketpair()
        # Sockets come and go with every call. To poll that is nothing, to epoll two system calls; select ends at 1024.
        self._poll = select.poll()
        self._ears: set[int] = set()
        self._mouth.settimeout(0)
        self._ear.settimeout(0)
        self.watch(self._ear.fileno())
        self._multi = self._made()

    @property
    def under_way(self) -> int:
        """How many calls were started and not handed back by finished()."""
        return len(self._flights) + len(self._done)

    def start(self, ticket: T, call: Call, shop: Shop) -> None:
        """Begin to POST `call` for `shop`; returns at once, and whatever goes wrong is told by finished()."""
        exchange = self._spare.pop() if self._spare else Transfer(self._timeout, self._kept)
        try:
            exchange.prepare(Request.of(call, shop, self.url, self._content_type))
        except ValueError:
            self._spare.append(exchange)
            self._done.append(CallResult(ticket, Failure("dns"), 0))
            return
        self._flights[exchange.handle] = _Flight(exchange, ticket, time.monotonic())
        self._multi.add_handle(exchange.handle)

    def finished(self, seconds: float) -> list[CallResult[T]]:
        """Drive the transfers; return when one has finished or somebody woke us, `seconds` later at the latest."""
        deadline = time.monotonic() + seconds
        while True:
            self._turn(deadline - time.monotonic())
            if self._done or self._woken or time.monotonic() >= deadline:
                break
        done, self._done, self._woken = self._done, [], False
        return done

    def wake(self) -> None:
        """Make finished() return early, the present one or else the next."""
        with contextlib.suppress(OSError):  # a full pipe wakes as well, and after close() nobody sleeps
            self._mouth.send(b"\0")

    def watch(self, descriptor: int) -> None:
        """Let finished() return early also while `descriptor` is readable; to read it is the caller's part."""
        self._ears.add(descriptor)
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Take back watch(), before the descriptor is closed."""
        self._ears.discard(descriptor)
        self._poll.unregister(descriptor)

    def close(self) -> None:
        """Abandon what is under way, and every connection; may wait for a name server that does not answer."""
        for handle in self._flights:
            self._multi.remove_handle(handle)
        for exchange in [*self._spare, *(flight.exchange for flight in self._flights.values())]:
            exchange.handle.close()
        self._flights, self._spare, self._done = {}, [], []
        self._multi.close()
        self._mouth.close()
        self._ear.close()

    def _made(self) -> pycurl.CurlMulti:
        multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_MAXCONNECTS, MOST_CONNECTIONS)
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._socket_changed)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._timer_changed)
        return multi

    def _socket_changed(self, what: int, descriptor: int, _multi: pycurl.CurlMulti, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)
        else:
            self._poll.register(descriptor, POLL_FOR[what])

    def _timer_changed(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _turn(self, seconds: float) -> None:
        """Do what is due, wait for something to happen for `seconds` at most, and handle it."""
        if self._due is not None and self._due <= time.monotonic():
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            self._collect()
        for descriptor, events in self._poll.poll(1000 * self._patience(seconds)):
            if descriptor in self._ears:
                self._hear(descriptor)
            else:
                self._multi.socket_action(descriptor, _action(events))
        self._collect()
        if self._flights and self._next_look <= time.monotonic():
            self._look()

    def _patience(self, seconds: float) -> float:
        now = time.monotonic()
        waits = [0.0 if self._done else seconds]
        if self._due is not None:
            waits.append(self._due - now)
        if self._flights:
            waits.append(self._next_look - now)
        return max(min(waits), 0.0)

    def _hear(self, descriptor: int) -> None:
        self._woken = True
        if descriptor == self._ear.fileno():
            with contextlib.suppress(BlockingIOError):
                while self._ear.recv(4096):
                    pass

    def _collect(self) -> None:
        """Take what libcurl is done with."""
        _, succeeded, failed = self._multi.info_read()
        for handle in succeeded:
            self._finish(handle, pycurl.E_OK)
        for handle, code, _ in failed:
            self._finish(handle, code)

    def _look(self) -> None:
        """Leave those that said their status a while ago and do not come to an end."""
        now = time.monotonic()
        self._next_look = now + LOOK_EVERY
        for handle, flight in list(self._flights.items()):
            if flight.exchange.status:
                flight.answered = min(flight.answered, now)
            if now - flight.answered >= LONGEST_READ:
                self._finish(handle, pycurl.E_OPERATION_TIMEDOUT)

    def _finish(self, handle: pycurl.Curl, code: int) -> None:
        flight = self._flights[handle]
        again = flight.exchange.was_held_back(code)
        failure = None if again else flight.exchange.outcome(code)
        self._multi.remove_handle(handle)
        if again:
            self._multi.add_handle(handle)
            return
        del self._flights[handle]
        self._spare.append(flight.exchange)
        self._done.append(CallResult(flight.ticket, failure, round(1000 * (time.monotonic() - flight.began))))


def _action(events: int) -> int:
    """Say in libcurl's terms what poll saw."""
    readable = pycurl.CSELECT_IN if events & (select.POLLIN | select.POLLHUP) else 0
    writable = pycurl.CSELECT_OUT if events & select.POLLOUT else 0
    return readable | writable | (pycurl.CSELECT_ERR if events & select.POLLERR else 0)
