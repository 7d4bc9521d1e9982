"""Notifications of idle workers: a named pipe beside SQLite's file, LISTEN and NOTIFY in PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import select
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from webhook_app import green_threads, logs
from webhook_app.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOTIFY_INTERVAL = 0.01  # seconds between two notifications of a process; a busy worker claims without any
PIPE_SIZE = 65536
CHANNEL = "tweakwise_webhooks"
HAS_LISTENER = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND query = %s"
POLL = 1.0  # seconds between two polls where notifications cannot arrive
SELF_TEST_TIMEOUT = 2.0  # seconds
RETRY_AFTER_SELF_TEST = 600.0  # seconds before listening again after a self-test that received nothing
HINT = (
    "Is there a connection pooler in front of the database? Polling every second instead; "
    "DATABASE_POOLER=transaction confirms it."
)
RECONNECT_AFTER = 5.0  # seconds between two attempts to listen, and between two polls while listening


class WakeupChannel(ABC):
    """Notifies waiting workers that a delivery was stored, released or replayed."""

    def __init__(self) -> None:
        """Nothing is opened before it is needed."""
        self._interrupt_pipe: tuple[int, int] | None = None
        self._debounced = green_threads.Debounced(self._notify_now, NOTIFY_INTERVAL)

    def notify(self) -> None:
        """Wake a waiting worker, now or within milliseconds; does nothing where none listens."""
        self._debounced()

    @abstractmethod
    def _notify_now(self) -> None:
        """Send one notification."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Return on a notification, at the latest after `seconds`. Raises StoreUnavailableError."""

    @abstractmethod
    def has_listener(self) -> bool | None:
        """Return whether a worker listens, None where that cannot be known; sends no notification."""

    def interrupt(self) -> None:
        """End the wait of this process and of no other; safe in a signal handler."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._interrupts()[1], b"\0")

    def close(self) -> None:
        """Stop listening."""
        for end in self._interrupt_pipe or ():
            os.close(end)
        self._interrupt_pipe = None

    def _interrupts(self) -> tuple[int, int]:
        if self._interrupt_pipe is None:
            self._interrupt_pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        return self._interrupt_pipe

    def _select(self, seconds: float, *sources: int) -> bool:
        """Wait until a file descriptor is readable, or for an interrupt; returns whether it was a descriptor."""
        interrupts = self._interrupts()[0]
        readable, _, _ = select.select([*sources, interrupts], [], [], max(seconds, 0))
        if interrupts in readable:
            os.read(interrupts, PIPE_SIZE)
        return any(source in readable for source in sources)


class NamedPipeChannel(WakeupChannel):
    """A named pipe: one of the waiting workers of this machine receives a notification."""

    def __init__(self, path: Path) -> None:
        """`path` is the pipe's; it is created by the first wait."""
        super().__init__()
        self._path = path
        self._pipe: int | None = None

    def _notify_now(self) -> None:
        """Write a byte into the pipe."""
        with contextlib.suppress(OSError):
            pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b"\0")
            finally:
                os.close(pipe)

    def has_listener(self) -> bool:
        """Return whether a process has the pipe open for reading: only then can it be opened for writing."""
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return self._path.is_fifo()

    def wait(self, seconds: float) -> None:
        """Wait for a byte. Raises StoreUnavailableError where no pipe can be made."""
        pipe = self._listen()
        if self._select(seconds, pipe):
            with contextlib.suppress(BlockingIOError):
                os.read(pipe, PIPE_SIZE)

    def close(self) -> None:
        """Stop listening."""
        super().close()
        if self._pipe is not None:
            os.close(self._pipe)
        self._pipe = None

    def _listen(self) -> int:
        if self._pipe is None:
            try:
                if self._path.exists() and not self._path.is_fifo():
                    self._path.unlink()  # restored from a backup as a plain file, which is always readable
                with contextlib.suppress(FileExistsError):
                    os.mkfifo(self._path, 0o600)
                # Held open for writing too, so that it never reads as closed.
                self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                raise StoreUnavailableError(str(error)) from None
        return self._pipe


class ListenNotifyChannel(WakeupChannel):
    """LISTEN on a connection outside the pool: every waiting worker of every machine receives a notification."""

    def __init__(self, connect: Callable[[], Any], notify: Callable[[str], None], *, polls: bool) -> None:
        """`connect` opens a psycopg connection; `polls`: a pooler is in between, which passes no notification on."""
        super().__init__()
        self._connect, self._notify, self._polls = connect, notify, polls
        self._connection: Any = None
        self._not_before = 0.0
        self._log = logs.logger()

    def _notify_now(self) -> None:
        """Send NOTIFY; where that fails, workers find the delivery when they poll."""
        if not self._polls:
            with contextlib.suppress(StoreUnavailableError):
                self._notify(CHANNEL)

    def has_listener(self) -> bool | None:
        """Return whether a connection to the database listens; through a pooler that cannot be known."""
        if self._polls:
            return None
        try:
            with contextlib.closing(self._connect()) as connection:
                return bool(connection.execute(HAS_LISTENER, [f"LISTEN {CHANNEL}"]).fetchone()[0])
        except Exception:  # noqa: BLE001 - whatever failed, the answer is unknown
            return None

    def wait(self, seconds: float) -> None:
        """Wait for a notification, or until it is time to poll."""
        if self._polls:
            self._select(min(seconds, POLL))
        elif self._connection is None:
            self._listen(seconds)
        else:
            self._receive(min(seconds, RECONNECT_AFTER))

    def close(self) -> None:
        """Stop listening."""
        super().close()
        self._disconnect()

    def _receive(self, seconds: float) -> None:
        if not self._select(seconds, self._connection.fileno()):
            return
        try:
            for _ in self._connection.notifies(timeout=0):
                pass
        except Exception:  # noqa: BLE001 - whatever failed, the connection is of no use any more
            self._disconnect()

    def _listen(self, seconds: float) -> None:
        """Start to listen and return: a delivery may have been stored before. Between attempts, wait for a poll."""
        if time.monotonic() < self._not_before:
            self._select(min(seconds, POLL))
            return
        self._not_before = time.monotonic() + RECONNECT_AFTER
        with contextlib.suppress(Exception):
            self._connection = self._connect()
            self._connection.execute(f"LISTEN {CHANNEL}")
            if self._receives_own_notification():
                return
            self._not_before = time.monotonic() + RETRY_AFTER_SELF_TEST
            self._log.warning("notifications_unavailable", hint=HINT)
        self._disconnect()

    def _receives_own_notification(self) -> bool:
        """Test whether notifications arrive: a pooler in transaction mode accepts LISTEN and drops what follows."""
        self._notify(CHANNEL)
        return any(self._connection.notifies(timeout=SELF_TEST_TIMEOUT, stop_after=1))

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
        self._connection = None
