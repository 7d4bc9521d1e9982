"""The file that is there while a tunnel to the receiver is open, and closes a dashboard that needs no password.

Each tunnel holds a lock on it, and the last one deletes it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Have the file there during the block, and afterwards as long as another tunnel holds it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = _locked(path)
    try:
        yield
    finally:
        _remove(path, file)
        os.close(file)


def remove_stale(path: Path) -> None:
    """Delete the file that a killed tunnel left; that of one that is open stays."""
    with suppress(FileNotFoundError):
        file = os.open(path, os.O_RDWR)
        _remove(path, file)
        os.close(file)


def _locked(path: Path) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(file, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(file).st_ino:
                return file
        os.close(file)  # another tunnel has just deleted it


def _remove(path: Path, file: int) -> None:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
