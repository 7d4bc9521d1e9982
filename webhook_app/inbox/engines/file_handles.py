"""Identities of files, and the one descriptor that a process has of each SQLite database."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import threading
from typing import ClassVar

# The beginning of a database: https://sqlite.org/fileformat.html#the_database_header
MAGIC, COUNTER = b"SQLite format 3\0", slice(24, 28)
# What each connection locks for as long as it is open: SHARED_FIRST and SHARED_SIZE in SQLite's os.h.
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510
# https://man7.org/linux/man-pages/man2/statx.2.html; Python has no name for it before 3.15.
AT_FDCWD, STATX_BTIME, STATX_SIZE, BTIME_OFFSET = -100, 0x800, 256, 80

FileId = tuple[int, int]  # device and inode


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

    def counter(self) -> int | None:
        """Return the change counter, which no transaction lowers; None where the file holds no database."""
        head = os.pread(self._descriptor, COUNTER.stop, 0)
        whole = head.startswith(MAGIC) and len(head) == COUNTER.stop
        return int.from_bytes(head[COUNTER], "big") if whole else None

    def protect_log_at_path(self) -> None:
        """Keep SQLite from deleting the log at the path with the last connection: it belongs to another file by now.

        A lock of this descriptor stands for one more connection.
        """
        lock = struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, SHARED_FIRST, SHARED_SIZE, 0)
        fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, lock)
