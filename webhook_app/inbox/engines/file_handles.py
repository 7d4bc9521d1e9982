"""Identities of files, and the one descriptor that a process has of each SQLite database."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import threading
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

# The beginning of a database: https://sqlite.org/fileformat.html#the_database_header
MAGIC, VERSIONS, COUNTER = b"SQLite format 3\0", slice(18, 20), slice(24, 28)
WITH_LOG = b"\2\2"  # the versions of a file that may have a write-ahead log; a backup has none
# What each connection locks for as long as it is open: SHARED_FIRST and SHARED_SIZE in SQLite's os.h.
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510
# https://man7.org/linux/man-pages/man2/statx.2.html; Python has no name for it before 3.15.
AT_FDCWD, STATX_BTIME, STATX_SIZE, BTIME_OFFSET = -100, 0x800, 256, 80

LOG, INDEX = "-wal", "-shm"  # beside the file: https://sqlite.org/walformat.html

FileId = tuple[int, int]  # device and inode


def paths_of(path: Path) -> tuple[str, str, str]:
    """Return the path of a database as it was given, and those that SQLite uses for log and index.

    They are texts, because they are compared for each commit. SQLite puts its files beside what a link points to.
    """
    real = path.resolve()
    return str(path), f"{real}{LOG}", f"{real}{INDEX}"


def status_of(path: str) -> os.stat_result | None:
    """Return the status of the file at a path, None where there is none. Raises OSError."""
    try:
        return os.stat(path)  # noqa: PTH116 - several times for each commit
    except (FileNotFoundError, NotADirectoryError):
        return None


def id_of(status: os.stat_result | None) -> FileId | None:
    """Return the identity of a file, None where there is none."""
    return (status.st_dev, status.st_ino) if status else None


def created_at(path: str) -> int:
    """Return when the file at a path was created, in nanoseconds since 1970; 0 where that is not known.

    Unlike its inode, no other file gets it, and unlike the other times, no copying or restoring sets it.
    """
    statx = getattr(ctypes.CDLL(None), "statx", None)
    status = ctypes.create_string_buffer(STATX_SIZE)
    if statx is None or statx(AT_FDCWD, os.fsencode(path), 0, STATX_BTIME, status):
        return 0
    seconds, nanoseconds = struct.unpack_from("=qI", status, BTIME_OFFSET)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


class FileHandle:
    """An open descriptor of a database file; there is one for each file in a process.

    Closing any descriptor of a file drops every lock that SQLite holds on it in this process, so this one is closed
    after all connections (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread).
    """

    _open: ClassVar[dict[FileId, FileHandle]] = {}
    _mutex = threading.Lock()

    def __init__(self, descriptor: int) -> None:
        """Take over a descriptor; of() is the way to get a handle."""
        status = os.fstat(descriptor)
        self._descriptor, self._owners = descriptor, 0
        self.id = (status.st_dev, status.st_ino)

    @classmethod
    def of(cls, path: str) -> FileHandle:
        """Return the handle of the file at `path`, to be released. Raises OSError."""
        with cls._mutex:
            known = cls._open.get(id_of(status_of(path)) or (0, 0))
            if known is None:
                # A named pipe must not block; it is refused when it is read.
                known = cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
                cls._open[known.id] = known
            known._owners += 1
            return known

    def release(self) -> None:
        """Close the descriptor when its last owner is done."""
        with self._mutex:
            self._owners -= 1
            if not self._owners:
                del self._open[self.id]
                os.close(self._descriptor)

    def counter(self, *, with_log: bool = False) -> int | None:
        """Return the change counter, which no transaction lowers; None where the file holds no database.

        None also for a database that can have no write-ahead log, where it must have one.
        """
        head = os.pread(self._descriptor, COUNTER.stop, 0)
        whole = head.startswith(MAGIC) and len(head) == COUNTER.stop
        if not whole or (with_log and head[VERSIONS] != WITH_LOG):
            return None
        return int.from_bytes(head[COUNTER], "big")

    def protect_log_at_path(self) -> None:
        """Keep SQLite from deleting the log at the path with the last connection: it belongs to another file by now.

        A lock of this descriptor stands for one more connection.
        """
        lock = struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, SHARED_FIRST, SHARED_SIZE, 0)
        fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, lock)
