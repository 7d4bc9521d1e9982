"""The client of the Tweakwise Analytics API: sends many calls at once from one thread and returns their results."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import pycurl

from webhook_app import logs
from webhook_app.config.settings import CONTENT_TYPES
from webhook_app.tweakwise.retry_policy import Failure
from webhook_app.tweakwise.transport import IdleConnections, Request, Route, Transfer

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop
    from webhook_app.tweakwise.call import Call

T = TypeVar("T")

# As in the official Magento module: https://github.com/EmicoEcommerce/Magento2Tweakwise
TIMEOUT = 5.0  # seconds for a call, from the name lookup to the last byte of the response
MAX_IDLE_CONNECTIONS = 256  # more may be open while more calls are in flight
DIRECT = Route()
READ_TIMEOUT = 1.0  # seconds between a status and the end of its response; the rest is not read after that
CHECK_EVERY = 0.25  # seconds between two checks of READ_TIMEOUT

POLL_FOR = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


@dataclass(frozen=True, slots=True)
class CallResult(Generic[T]):
    """One finished attempt: the caller's ticket, its failure (None: any 2xx), and its duration."""

    ticket: T
    failure: Failure | None
    milliseconds: int


@dataclass(slots=True)
class _InFlight(Generic[T]):
    transfer: Transfer
    ticket: T
    began: float
    answered: float = math.inf  # when the status was first seen


class Client(Generic[T]):
    """Drives libcurl's multi interface: https://curl.se/libcurl/c/curl_multi_socket_action.html.

    It belongs to one thread; only wake() may be called from another, or from a signal handler.
    """

    def __init__(
        self, url: str, timeout: float = TIMEOUT, content_type: str = CONTENT_TYPES[0], route: Route = DIRECT
    ) -> None:
        """`url` is the address for shops that set none; `timeout` is in seconds, for a whole call."""
        self.url, self._timeout, self._content_type, self._route = url, timeout, content_type, route
        self._active: dict[pycurl.Curl, _InFlight[T]] = {}
        self._spare: list[Transfer] = []
        self._idle_connections = IdleConnections()
        self._done: list[CallResult[T]] = []
        self._timer: float | None = None  # when libcurl wants to be called although nothing has happened
        self._next_check, self._woken = 0.0, False
        self._wake_sender, self._wake_receiver = socket.socketpair()
        # Sockets come and go with every call: poll needs no system call for that, epoll two; select ends at 1024.
        self._poll = select.poll()
        self._watched: set[int] = set()
        self._wake_sender.settimeout(0)
        self._wake_receiver.settimeout(0)
        self.watch(self._wake_receiver.fileno())
        self._multi = self._new_multi()

    @property
    def in_flight(self) -> int:
        """How many calls were started and not returned by finished()."""
        return len(self._active) + len(self._done)

    def start(self, ticket: T, call: Call, shop: Shop) -> None:
        """Begin to POST `call` for `shop`; returns immediately, and finished() returns every failure."""
        try:
            transfer = (
                self._spare.pop() if self._spare else Transfer(self._timeout, self._idle_connections, self._route)
            )
            transfer.prepare(Request.of(call, shop, self.url, self._content_type))
        except Exception as error:  # noqa: BLE001 - the call fails like one that is refused, and is retried later
            is_address = isinstance(error, ValueError) and not isinstance(error, UnicodeError)
            if not is_address:
                logs.logger().error("call_not_built", shop=shop.name, exc_info=error)
            self._done.append(CallResult(ticket, Failure("dns" if is_address else "request"), 0))
            return
        self._active[transfer.handle] = _InFlight(transfer, ticket, time.monotonic())
        self._multi.add_handle(transfer.handle)

    def finished(self, seconds: float) -> list[CallResult[T]]:
        """Drive the transfers; return when one has finished or wake() was called, after `seconds` at the latest."""
        deadline = time.monotonic() + seconds
        while True:
            self._drive(deadline - time.monotonic())
            if self._done or self._woken or time.monotonic() >= deadline:
                break
        done, self._done, self._woken = self._done, [], False
        return done

    def wake(self) -> None:
        """Make finished() return early: the running call of it, or the next."""
        with contextlib.suppress(OSError):  # a full socket wakes as well, and after close() nothing waits
            self._wake_sender.send(b"\0")

    def watch(self, descriptor: int) -> None:
        """Make finished() return early also while `descriptor` is readable; the caller reads it."""
        self._watched.add(descriptor)
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Undo watch(), before the descriptor is closed."""
        self._watched.discard(descriptor)
        self._poll.unregister(descriptor)

    def close(self) -> None:
        """Abandon all calls and connections; may wait for a name server that does not answer."""
        for handle in self._active:
            self._multi.remove_handle(handle)
        for transfer in [*self._spare, *(active.transfer for active in self._active.values())]:
            transfer.handle.close()
        self._active, self._spare, self._done = {}, [], []
        self._multi.close()
        self._wake_sender.close()
        self._wake_receiver.close()

    def _new_multi(self) -> pycurl.CurlMulti:
        multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_MAXCONNECTS, MAX_IDLE_CONNECTIONS)
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
        self._timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _drive(self, seconds: float) -> None:
        """Do what is due, wait for the next event for `seconds` at most, and handle it."""
        if self._timer is not None and self._timer <= time.monotonic():
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            self._collect()
        for descriptor, events in self._poll.poll(1000 * self._wait_time(seconds)):
            if descriptor in self._watched:
                self._wake_up(descriptor)
            else:
                self._multi.socket_action(descriptor, _action(events))
        self._collect()
        if self._active and self._next_check <= time.monotonic():
            self._end_slow_reads()

    def _wait_time(self, seconds: float) -> float:
        now = time.monotonic()
        waits = [0.0 if self._done else seconds]
        if self._timer is not None:
            waits.append(self._timer - now)
        if self._active:
            waits.append(self._next_check - now)
        return max(min(waits), 0.0)

    def _wake_up(self, descriptor: int) -> None:
        self._woken = True
        if descriptor == self._wake_receiver.fileno():
            with contextlib.suppress(BlockingIOError):
                while self._wake_receiver.recv(4096):
                    pass

    def _collect(self) -> None:
        """Finish the transfers that libcurl has ended."""
        _, succeeded, failed = self._multi.info_read()
        for handle in succeeded:
            self._finish(handle, pycurl.E_OK)
        for handle, code, _ in failed:
            self._finish(handle, code)

    def _end_slow_reads(self) -> None:
        """Finish the transfers whose status is READ_TIMEOUT old and whose response has not ended."""
        now = time.monotonic()
        self._next_check = now + CHECK_EVERY
        for handle, active in list(self._active.items()):
            if active.transfer.status:
                active.answered = min(active.answered, now)
            if now - active.answered >= READ_TIMEOUT:
                self._finish(handle, pycurl.E_OPERATION_TIMEDOUT)

    def _finish(self, handle: pycurl.Curl, code: int) -> None:
        active = self._active[handle]
        again = active.transfer.found_broken_connection(code)
        failure = None if again else active.transfer.outcome(code)
        self._multi.remove_handle(handle)
        if again:
            self._multi.add_handle(handle)
            return
        del self._active[handle]
        self._spare.append(active.transfer)
        self._done.append(CallResult(active.ticket, failure, round(1000 * (time.monotonic() - active.began))))


def _action(events: int) -> int:
    """Translate poll's events into libcurl's."""
    readable = pycurl.CSELECT_IN if events & (select.POLLIN | select.POLLHUP) else 0
    writable = pycurl.CSELECT_OUT if events & select.POLLOUT else 0
    return readable | writable | (pycurl.CSELECT_ERR if events & select.POLLERR else 0)
