"""Notifications of idle workers on one machine: a datagram socket for each, in a folder beside SQLite's file.

A socket cannot be read or copied, and the folder's name begins with a dot: a copy of `inbox.db*` neither waits for a
socket nor takes a worker's notification.
"""

from __future__ import annotations

import os
import secrets
import socket
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.inbox.engines.notifications import POLL, WakeupChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHECK_EVERY = 2.0  # seconds between two looks whether the socket is still at its path
OLD_PIPE = "-bell"  # beside the file: the named pipe of older versions, at which a copy of `inbox.db*` waited for ever
HINT = "Polling every second instead. The folder of the database must allow sockets, as a local disk does."


class SocketChannel(WakeupChannel):
    """A socket for each waiting worker; each of them receives a notification."""

    def __init__(self, database: Path) -> None:
        """`database` is the path of the database; the folder is created by the first wait."""
        super().__init__()
        self._folder = database.with_name(f".{database.name}-wakeups")
        self._old_pipe = database.with_name(database.name + OLD_PIPE)
        self._name = secrets.token_hex(8)
        self._sender: socket.socket | None = None
        self._receiver: socket.socket | None = None
        self._inode: int | None = None
        self._is_reported = False

    @property
    def is_listening(self) -> bool:
        """Whether a socket was made."""
        return self._receiver is not None

    def has_listener(self) -> bool:
        """Return whether a worker listens; sends it nothing."""
        with suppress(OSError), _addresses(self._folder) as address_of:
            return any(_listens(address_of(file.name)) for file in self._folder.iterdir())
        return False

    def wait(self, seconds: float) -> None:
        """Wait for a notification; poll where no socket can be made."""
        deadline = time.monotonic() + seconds
        try:
            # What was stored while the socket was missing sent no notification: a new one is not waited for.
            while not self._listen() and not self._receive(min(deadline - time.monotonic(), CHECK_EVERY)):
                if time.monotonic() >= deadline:
                    break
        except OSError as error:
            self._report(error)
            self._select(min(seconds, POLL))

    def close(self) -> None:
        """Stop listening."""
        super().close()
        self._stop_listening()
        if self._sender:
            self._sender.close()
        self._sender = None

    def _notify_now(self) -> None:
        """Send a datagram to each socket in the folder, and remove those that no process has open."""
        with suppress(OSError), _addresses(self._folder) as address_of:
            for file in self._folder.iterdir():
                # One that cannot be notified, because it has just ended for example, must not hold up the others.
                with suppress(OSError):
                    self._send(file, address_of(file.name))

    def _send(self, file: Path, address: str) -> None:
        try:
            self._opened_sender().sendto(b"\0", address)
        except BlockingIOError:
            pass  # so many are waiting already
        except ConnectionRefusedError:
            file.unlink()

    def _opened_sender(self) -> socket.socket:
        if self._sender is None:
            self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._sender.setblocking(False)  # noqa: FBT003 - its only parameter
        return self._sender

    def _listen(self) -> bool:
        """Listen at the path, again if socket or folder was deleted; returns whether it is new. Raises OSError."""
        if self._receiver and self._inode == _inode(self._folder / self._name):
            return False
        self._stop_listening()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        remove_unused_pipe(self._old_pipe)
        self._receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.setblocking(False)  # noqa: FBT003 - its only parameter
        with _addresses(self._folder) as address_of:
            self._receiver.bind(address_of(self._name))
        self._inode, self._is_reported = _inode(self._folder / self._name), False
        return True

    def _stop_listening(self) -> None:
        if self._receiver:
            self._receiver.close()
            with suppress(OSError):
                (self._folder / self._name).unlink()
        self._receiver = None

    def _receive(self, seconds: float) -> bool:
        """Wait for a datagram or an interrupt, and return whether either came, however late this process saw it."""
        assert self._receiver  # noqa: S101 - made by _listen
        source = self._receiver.fileno()
        readable = self._select(seconds, source)
        if source in readable:
            with suppress(BlockingIOError):
                while True:
                    self._receiver.recv(1)
        return bool(readable)

    def _report(self, error: OSError) -> None:
        if not self._is_reported and self._folder.parent.is_dir():
            logs.logger().warning("notifications_unavailable", error=str(error), hint=HINT)
            self._is_reported = True


@contextmanager
def _addresses(folder: Path) -> Iterator[Callable[[str], str]]:
    """Give a function that returns the address of a socket in the folder. Raises OSError.

    An address has 107 bytes at most, a path may have more (https://man7.org/linux/man-pages/man7/unix.7.html).
    """
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield lambda name: f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return not probe.connect_ex(address)


def _inode(path: Path) -> int | None:
    with suppress(OSError):
        return os.lstat(path).st_ino
    return None


def remove_unused_pipe(path: Path) -> None:
    """Remove the named pipe of an older version, once no process of it listens there any more."""
    with suppress(OSError):
        if stat.S_ISFIFO(os.lstat(path).st_mode):
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                path.unlink()
