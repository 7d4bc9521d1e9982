"""Notifications of idle workers, and LISTEN and NOTIFY in PostgreSQL; those of SQLite are in wakeup_sockets.py."""

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

    @property
    @abstractmethod
    def is_listening(self) -> bool:
        """Whether this process waits for notifications, and has_listener() of others sees it."""

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

    def _select(self, seconds: float, *sources: int) -> list[int]:
        """Wait until a file descriptor is readable, or for an interrupt; returns which are, that of interrupts too."""
        interrupts = self._interrupts()[0]
        readable: list[int] = select.select([*sources, interrupts], [], [], max(seconds, 0))[0]
        if interrupts in readable:
            os.read(interrupts, PIPE_SIZE)
        return readable


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

    @property
    def is_listening(self) -> bool:
        """Whether the connection is there on which notifications arrive."""
        return self._connection is not None

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
        source = self._connection.fileno()
        if source not in self._select(seconds, source):
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
