"""Waking an idle worker, so that nobody has to poll: a named pipe beside SQLite's file, LISTEN in PostgreSQL."""

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

NOTIFY_INTERVAL = 0.01  # seconds; a worker that is busy looks without being told
PIPE_SIZE = 65536
CHANNEL = "tweakwise_webhooks"
HAS_LISTENER = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND query = %s"
POLL = 1.0  # seconds between two looks where nothing can be heard
SELF_TEST_TIMEOUT = 2.0  # seconds
RETRY_AFTER_SELF_TEST = 600.0  # seconds before trying again to listen where nothing was heard
HINT = (
    "Is there a connection pooler in front of the database? Looking each second; DATABASE_POOLER=transaction says so."
)
RECONNECT_AFTER = 5.0  # seconds between two looks where something should be heard, and before connecting once more


class WakeupChannel(ABC):
    """Rung by whoever keeps or replays a delivery, heard by workers that wait."""

    def __init__(self) -> None:
        """Nothing is opened before it is needed."""
        self._nudge: tuple[int, int] | None = None
        self._together = green_threads.Debounced(self._notify_now, NOTIFY_INTERVAL)

    def notify(self) -> None:
        """Wake a waiting worker, now or very soon; does nothing when none runs or none can be told."""
        self._together()

    @abstractmethod
    def _notify_now(self) -> None:
        """Ring once."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Return when the bell rings, at the latest after `seconds`. Raises StoreUnavailableError."""

    @abstractmethod
    def has_listener(self) -> bool | None:
        """Tell whether a worker listens, None where that cannot be told; rings nothing."""

    def interrupt(self) -> None:
        """Wake this process's own wait and no other; safe in a signal handler."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._nudged()[1], b"\0")

    def close(self) -> None:
        """Stop listening."""
        for end in self._nudge or ():
            os.close(end)
        self._nudge = None

    def _nudged(self) -> tuple[int, int]:
        if self._nudge is None:
            self._nudge = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        return self._nudge

    def _select(self, seconds: float, *ears: int) -> bool:
        """Wait for an ear or a nudge; tells whether it was an ear."""
        nudge = self._nudged()[0]
        heard, _, _ = select.select([*ears, nudge], [], [], max(seconds, 0))
        if nudge in heard:
            os.read(nudge, PIPE_SIZE)
        return any(ear in heard for ear in ears)


class NamedPipeChannel(WakeupChannel):
    """A named pipe: one of the workers of this machine that wait hears it."""

    def __init__(self, path: Path) -> None:
        """`path` is the pipe's; it is made when somebody waits."""
        super().__init__()
        self._path = path
        self._ear: int | None = None

    def _notify_now(self) -> None:
        """Write a byte into the pipe."""
        with contextlib.suppress(OSError):
            pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b"\0")
            finally:
                os.close(pipe)

    def has_listener(self) -> bool:
        """Look whether somebody has the pipe open: it cannot be opened for writing otherwise."""
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return self._path.is_fifo()

    def wait(self, seconds: float) -> None:
        """Wait for a byte. Raises StoreUnavailableError where no pipe can be made."""
        ear = self._listen()
        if self._select(seconds, ear):
            with contextlib.suppress(BlockingIOError):
                os.read(ear, PIPE_SIZE)

    def close(self) -> None:
        """Stop listening."""
        super().close()
        if self._ear is not None:
            os.close(self._ear)
        self._ear = None

    def _listen(self) -> int:
        if self._ear is None:
            try:
                if self._path.exists() and not self._path.is_fifo():
                    self._path.unlink()  # a backup gives back a plain file, which would ring without end
                with contextlib.suppress(FileExistsError):
                    os.mkfifo(self._path, 0o600)
                # Held open for writing too, so that it never reads as closed.
                self._ear = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                raise StoreUnavailableError(str(error)) from None
        return self._ear


class ListenNotifyChannel(WakeupChannel):
    """LISTEN on a connection of its own: every worker of every machine that waits hears it."""

    def __init__(self, connect: Callable[[], Any], notify: Callable[[str], None], *, polls: bool) -> None:
        """`connect` opens a psycopg connection; `polls`: a pooler is in between, and nothing would be heard."""
        super().__init__()
        self._connect, self._notify, self._polls = connect, notify, polls
        self._connection: Any = None
        self._not_before = 0.0
        self._log = logs.logger()

    def _notify_now(self) -> None:
        """Notify; where that fails, workers look by themselves soon enough."""
        if not self._polls:
            with contextlib.suppress(StoreUnavailableError):
                self._notify(CHANNEL)

    def has_listener(self) -> bool | None:
        """Look whether a connection to the database listens; one behind a pooler never does."""
        if self._polls:
            return None
        try:
            with contextlib.closing(self._connect()) as connection:
                return bool(connection.execute(HAS_LISTENER, [f"LISTEN {CHANNEL}"]).fetchone()[0])
        except Exception:  # noqa: BLE001 - whatever went wrong, nothing was learnt
            return None

    def wait(self, seconds: float) -> None:
        """Wait for a notification, or for the time to look without one."""
        if self._polls:
            self._select(min(seconds, POLL))
        elif self._connection is None:
            self._listen(seconds)
        else:
            self._hear(min(seconds, RECONNECT_AFTER))

    def close(self) -> None:
        """Stop listening."""
        super().close()
        self._hang_up()

    def _hear(self, seconds: float) -> None:
        if not self._select(seconds, self._connection.fileno()):
            return
        try:
            for _ in self._connection.notifies(timeout=0):
                pass
        except Exception:  # noqa: BLE001 - whatever broke, the connection is no good any more
            self._hang_up()

    def _listen(self, seconds: float) -> None:
        """Begin to listen and return at once, since something may have come before; or wait as if polling."""
        if time.monotonic() < self._not_before:
            self._select(min(seconds, POLL))
            return
        self._not_before = time.monotonic() + RECONNECT_AFTER
        with contextlib.suppress(Exception):
            self._connection = self._connect()
            self._connection.execute(f"LISTEN {CHANNEL}")
            if self._hears():
                return
            self._not_before = time.monotonic() + RETRY_AFTER_SELF_TEST
            self._log.warning("notifications_unavailable", hint=HINT)
        self._hang_up()

    def _hears(self) -> bool:
        """Tell whether what is rung is heard: a pooler in transaction mode takes a LISTEN and swallows what follows."""
        self._notify(CHANNEL)
        return any(self._connection.notifies(timeout=SELF_TEST_TIMEOUT, stop_after=1))

    def _hang_up(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
        self._connection = None
