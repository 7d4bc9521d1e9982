"""Limits the time of a whole answer, head and body: time-outs of sockets begin anew with every byte that arrives."""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.poolmanager import PoolManager, ProxyManager

READ, WHOLE = 30.0, 90.0  # seconds: between two bytes where a request has no time-out, and for an answer


class NotSentError(requests.RequestException):
    """No request could be made: of its address, its headers, a proxy's address, or the file of authorities."""


class _TimedSocket(io.RawIOBase):
    """Reads from a socket until the time of its answer is over."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__()
        self._socket, self._file = connected, connected.makefile("rb", buffering=0)
        self._until, self._read = time.monotonic() + WHOLE, connected.gettimeout() or READ

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read some bytes. Raises TimeoutError."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, self._read))
        return self._file.readinto(buffer)

    def close(self) -> None:
        """Give the socket back."""
        self._file.close()
        super().close()


class _TimedAnswer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedSocket(sock))


class _Connection(HTTPConnection):
    response_class: Any = _TimedAnswer


class _SecureConnection(HTTPSConnection):
    response_class: Any = _TimedAnswer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class TimedAdapter(HTTPAdapter):
    """An adapter of requests whose answers end within WHOLE seconds."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use connections that measure the time."""
        super().init_poolmanager(*args, **kwargs)
        _measure(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> ProxyManager:
        """Use such connections through a proxy too."""
        manager: ProxyManager = super().proxy_manager_for(*args, **kwargs)
        _measure(manager)
        return manager


class UnixAdapter(TimedAdapter):
    """An adapter whose requests all go to a Unix socket, whatever host their addresses name."""

    def __init__(self, path: str) -> None:
        """`path` is the socket's."""
        self._path = path
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use connections to the socket."""
        super().init_poolmanager(*args, **kwargs)
        path = self._path

        class ToSocket(_Connection):
            def connect(self) -> None:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.settimeout(READ)
                try:
                    self.sock.connect(path)
                except OSError as error:
                    self.sock.close()
                    raise NewConnectionError(self, str(error)) from error

        class Pool(_Pool):
            ConnectionCls = ToSocket

        self.poolmanager.pool_classes_by_scheme = {"http": Pool}


def _measure(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class Session(requests.Session):
    """A session of which every failure is a RequestException, and every answer ends in time."""

    def __init__(self, adapter: HTTPAdapter | None = None) -> None:
        """`adapter` replaces the one that limits the time of an answer."""
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, adapter or TimedAdapter())

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request. Raises RequestException: requests lets other errors of its libraries pass."""
        with _named_errors():
            return super().request(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a prepared request in the same way."""
        with _named_errors():
            return super().send(*args, **kwargs)


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except requests.RequestException:
        raise
    except (OSError, ValueError) as error:
        raise NotSentError(error) from error


def start_of(response: requests.Response, size: int) -> bytes:
    """Return the body of an answer that is read as a stream, `size` bytes of it at most. Raises RequestException."""
    read = bytearray()
    for piece in response.iter_content(size):
        read += piece
        if len(read) >= size:
            break
    return bytes(read[:size])
