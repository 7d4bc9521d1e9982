"""Write-ahead logs beside a database that they do not belong to: another file left them, or a backup was put there."""

from __future__ import annotations

import glob
import time
from pathlib import Path

from webhook_app.inbox.engines.file_handles import FileHandle, created_at, paths_of, status_of

UNUSED = ".unused-"  # of a log that was renamed, before the time


def pairing(path: Path) -> str:
    """Return which file at the path has which log; empty without either.

    Each is identified by its inode and by when it was created: a file that takes the place of another, or is copied
    or restored with its folder, may have got the inode that was there before.
    """
    places = paths_of(path)[:2]
    found = [f"{status.st_ino}@{created_at(one)}" for one in places if (status := status_of(one))]
    return " ".join(found) if len(found) == len(places) else ""


def set_log_aside(path: Path, known: str) -> Path | None:
    """Rename a log that belongs to another file: SQLite would take it for this file's, and damage both.

    That is so where it belonged to the file that was at the path when `known` was its pairing, and where this file can
    have none. Returns the log's new path, if it was renamed. Raises OSError.
    """
    (main, _, log), (known_main, _, known_log) = pairing(path).partition(" "), known.partition(" ")
    is_of_another = main != known_main and log == known_log
    if not log or not (is_of_another or _is_beside_a_backup(path)):
        return None
    _, log_path, index_path = paths_of(path)
    aside = Path(f"{log_path}{UNUSED}{int(time.time())}")
    Path(log_path).rename(aside)
    Path(index_path).unlink(missing_ok=True)
    return aside


def remove_unused_logs(path: Path, older_than: float) -> list[Path]:
    """Delete the logs that were renamed at least so many seconds ago; returns their paths. Raises OSError."""
    log_path = Path(paths_of(path)[1])
    before = time.time() - older_than
    removed = []
    for aside in log_path.parent.glob(f"{glob.escape(log_path.name + UNUSED)}*"):
        at = aside.name.removeprefix(log_path.name + UNUSED)
        if at.isdecimal() and int(at) <= before:
            aside.unlink(missing_ok=True)
            removed.append(aside)
    return removed


def _is_beside_a_backup(path: Path) -> bool:
    """Return whether there is a log beside a database that can have none, as a backup is until it is opened.

    SQLite applies a log that it finds, whatever the database says. Raises OSError.
    """
    log = status_of(paths_of(path)[1])  # before the file is read, which is changed before it gets a log
    handle = FileHandle.of(str(path))
    try:
        return bool(log and log.st_size) and handle.counter() is not None and handle.counter(with_log=True) is None
    finally:
        handle.release()
