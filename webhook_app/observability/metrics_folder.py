"""The folder in which processes, also in several containers, count together, as prometheus_client's multi-process mode.

prometheus_client names the files of a process by its number, which another container uses too, and leaves it to others
to find out whether that process is still there. Here each process takes a slot of the folder by a file lock, which
ends with the process however it ends, and the next process continues the counts of a slot that is free: no count is
lost, none is read while it is merged, and there are as many files as processes run at the same time.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhook_app import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

# prometheus_client reads this variable when it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CREATOR = "WEBHOOKS_METRICS_CREATOR"  # the number of the process that created the folder, and removes it
MEMORY = Path("/dev/shm")  # noqa: S108 - only a folder with a unique name is created there
BOOT = Path("/proc/sys/kernel/random/boot_id")
BOOTED, MUTEX = "booted", "folder.lock"
# Bytes that are reserved on the disk for each kind of metric: a process that writes to a mapped file beyond what the
# disk has room for is killed. They hold about 6,000 and 500 series.
SIZES = {"counter": 1 << 20, "histogram": 1 << 16}


class Slot:
    """The slot of this process; after a fork the child takes one of its own."""

    def __init__(self, folder: Path) -> None:
        """Take the first slot that is free. Raises OSError."""
        self.folder = folder
        self._lock = -1
        self._name = ""
        self._take()
        os.register_at_fork(after_in_child=self._release)

    def identifier(self) -> str:
        """Return the name of the slot, which prometheus_client asks for at every count."""
        if not self._name:
            self._take()
        return self._name

    def _take(self) -> None:
        for number in count():
            lock = _locked(self.folder / f"slot{number}.lock")
            if lock is not None:
                self._lock, self._name = lock, f"slot{number}"
                break
        for kind, size in SIZES.items():
            _prepare(self.folder / f"{kind}_{self._name}.db", size)

    def _release(self) -> None:
        """Close the parent's lock, which stays locked: the parent has it open as well."""
        if self._name:
            os.close(self._lock)
        self._lock, self._name = -1, ""


def share() -> None:
    """Create the folder of this process and of those that it starts: PROMETHEUS_MULTIPROC_DIR, or one in memory.

    Call this before prometheus_client is imported. Where the folder cannot be used, each process counts for itself.
    """
    named = os.environ.get(FOLDER)
    try:
        if named:
            Path(named).mkdir(parents=True, exist_ok=True)
            with _exclusive(Path(named)):
                _begin_anew_after_boot(Path(named))
            if os.environ.get(CREATOR) == str(os.getpid()):  # before a reload
                atexit.register(_remove, named, os.getpid())
            return
        created = tempfile.mkdtemp(prefix="webhooks-metrics-", dir=MEMORY if MEMORY.is_dir() else None)
    except OSError as error:
        logs.logger().warning("metrics_unavailable", error=str(error))
        os.environ.pop(FOLDER, None)
        return
    os.environ[FOLDER], os.environ[CREATOR] = created, str(os.getpid())
    atexit.register(_remove, created, os.getpid())


def slot() -> Slot | None:
    """Return this process's slot of the shared folder, None where it counts for itself."""
    if not (folder := os.environ.get(FOLDER)):
        return None
    try:
        return Slot(Path(folder))
    except OSError as error:
        logs.logger().warning("metrics_unavailable", error=str(error))
        return None


def _begin_anew_after_boot(folder: Path) -> None:
    """Delete the counts of before the machine started: not all of them may have reached the disk."""
    with suppress(OSError):
        boot, mark = BOOT.read_text(), folder / BOOTED
        if mark.exists() and mark.read_text() != boot:
            for file in folder.glob("*.db"):
                file.unlink(missing_ok=True)
        mark.write_text(boot)


def _locked(file: Path) -> int | None:
    """Return the open file if no process has locked it; None also where it is another user's."""
    try:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:
        if file.exists():
            return None
        raise
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _prepare(file: Path, size: int) -> None:
    """Create a file of zeros that the disk has room for, unless there is one that can be continued."""
    if file.exists() and _is_readable(file):
        return
    new = file.with_suffix(".new")
    with new.open("wb", buffering=0) as made:
        if made.write(bytes(size)) < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    new.replace(file)


def _is_readable(file: Path) -> bool:
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 - only where metrics are shared

    read: Any = MmapedDict.read_all_values_from_file
    try:
        with file.open("rb") as opened:
            used = int.from_bytes(opened.read(4), sys.byteorder, signed=True)
        return 0 <= used <= file.stat().st_size >= min(SIZES.values()) and all(one[1] >= 0 for one in read(str(file)))
    except Exception:  # noqa: BLE001 - what cannot be read is replaced, whatever is wrong with it
        return False


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    lock = os.open(folder / MUTEX, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _remove(folder: str, creator: int) -> None:
    """Remove the folder; does nothing in forked processes, which inherit this handler."""
    if os.getpid() == creator:
        shutil.rmtree(folder, ignore_errors=True)
