"""Waking an idle worker: a named pipe beside the database, so that nobody has to poll."""

from __future__ import annotations

import contextlib
import os
import select
from typing import TYPE_CHECKING

from webhook_app.errors import StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

PIPE_SIZE = 65536


class Bell:
    """Rung by whoever keeps or replays a delivery, heard by one of the workers that wait."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before it is needed; `path` is the pipe's."""
        self._path = path
        self._ear: int | None = None
        self._nudge: tuple[int, int] | None = None

    def ring(self) -> None:
        """Wake a waiting worker; does nothing when none runs."""
        with contextlib.suppress(OSError):
            pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b"\0")
            finally:
                os.close(pipe)

    def wait(self, seconds: float) -> None:
        """Return when the bell rings, or after `seconds`. Raises StoreUnavailable where no pipe can be made."""
        heard, _, _ = select.select([self._listen(), self._nudged()[0]], [], [], max(seconds, 0))
        for ear in heard:
            with contextlib.suppress(BlockingIOError):
                os.read(ear, PIPE_SIZE)

    def interrupt(self) -> None:
        """Wake this process's own wait and no other; safe in a signal handler."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._nudged()[1], b"\0")

    def close(self) -> None:
        """Stop listening."""
        for ear in (self._ear, *(self._nudge or ())):
            if ear is not None:
                os.close(ear)
        self._ear = self._nudge = None

    def _nudged(self) -> tuple[int, int]:
        if self._nudge is None:
            self._nudge = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        return self._nudge

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
                raise StoreUnavailable(str(error)) from None
        return self._ear
