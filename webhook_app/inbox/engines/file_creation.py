"""Creates the file of an SQLite database, and recognises one whose creation lost its power."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from webhook_app.inbox.engines.file_handles import FileHandle, paths_of, status_of
from webhook_app.inbox.engines.sqlite_files import WAL, connect

# Of the mode in which a database is created: https://sqlite.org/fileformat.html#the_rollback_journal
JOURNAL, JOURNAL_HEADER, MAX_PAGE = "-journal", 512, 65536  # bytes


def holds_nothing(path: Path) -> bool:
    """Return whether there is no database at a path, or none that was ever on the disk. Raises OSError.

    A power cut while SQLite creates one may leave its first page as zeros, and a journal that only has a header.
    """
    status = status_of(str(path))
    if not status or not status.st_size:
        return True
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_PAGE or _is_database(path) or any(path.read_bytes()):
        return False
    _, log_path, _ = paths_of(path)
    log, journal = status_of(log_path), status_of(f"{path.resolve()}{JOURNAL}")
    return not (log and log.st_size) and not (journal and journal.st_size > JOURNAL_HEADER)


def _is_database(path: Path) -> bool:
    """Read the file by its handle: another descriptor would drop the locks of connections when it is closed."""
    handle = FileHandle.of(str(path))
    try:
        return handle.counter() is not None
    finally:
        handle.release()


def create(path: Path) -> None:
    """Create an empty database where there is none, readable by this user only: bodies hold personal data.

    Only under the write lock, so that no other process has just created one. Raises OSError and sqlite3.Error.
    """
    if not holds_nothing(path):
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if os.fstat(descriptor).st_size:
        Path(f"{path.resolve()}{JOURNAL}").unlink(missing_ok=True)
        os.truncate(descriptor, 0)
    os.close(descriptor)
    connect(str(path), WAL).close()


def make_folder(folder: Path) -> None:
    """Create a folder, and those that lead to it, so that a power cut does not take them away. Raises OSError."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        descriptor = os.open(one.parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)
