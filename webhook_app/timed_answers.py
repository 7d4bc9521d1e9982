"""Limits the time of a whole answer, head and body: time-outs of sockets begin anew with every byte that arrives."""

from __future__ import annotations

import http.client
import io
import time
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    import socket

    from urllib3.poolmanager import PoolManager, ProxyManager

READ, WHOLE = 30.0, 90.0  # seconds: between two bytes, and for an answer


class _TimedSocket(io.RawIOBase):
    """Reads from a socket until the time of its answer is over."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__()
        self._socket, self._file = connected, connected.makefile("rb", buffering=0)
        self._until = time.monotonic() + WHOLE

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read some bytes. Raises TimeoutError."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, READ))
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


def _measure(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def session() -> requests.Session:
    """Return a session of requests whose answers end in time."""
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, TimedAdapter())
    return made
