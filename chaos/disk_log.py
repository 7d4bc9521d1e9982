"""Records every change of the files in a folder, and every flush, by the processes that are started for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos import preload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One change, flush or event; disk_log.c lists the operations, and processes add events of their own by `note`."""

    operation: str
    process: int
    file: int
    offset: int
    path: str
    data: memoryview


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is in a folder: its folders, and its files with inode and content by path."""

    folder: Path
    folders: list[str]
    files: dict[str, tuple[int, bytes]]

    @classmethod
    def of(cls, folder: Path) -> Snapshot:
        """Read all of it."""
        paths = [folder, *folder.rglob("*")]
        files = {str(path): (path.stat().st_ino, path.read_bytes()) for path in paths if path.is_file()}
        return cls(folder, [str(path) for path in paths if path.is_dir()], files)


class DiskLog:
    """The log of one recording: of the files in a folder, by all processes that are started with `variables`.

    `start` is what there was in it at the beginning.
    """

    def __init__(self, work: Path, folder: Path) -> None:
        """Build the library in `work`; raises SkippedError where there is no C compiler."""
        self.start = Snapshot.of(folder.resolve())
        self._path = work / f"{folder.name}.log"
        self._path.touch()
        self._path.chmod(0o666)  # PostgreSQL runs as another user
        self.variables: Mapping[str, str] = {
            "LD_PRELOAD": str(preload.build("disk_log", work)),
            "DISK_LOG": str(self._path),
            "DISK_LOG_FOLDER": str(self.start.folder),
        }

    def records(self) -> Iterator[Record]:
        """Return everything that was recorded, in its order."""
        log, at = memoryview(self._path.read_bytes()), 0
        while at < len(log):
            end = at + bytes(log[at : at + 9000]).index(b"\n")
            operation, process, file, offset, length, path = bytes(log[at + 1 : end]).decode().split(" ", 5)
            at = end + 1 + int(length)
            yield Record(operation, int(process), int(file), int(offset), path, log[end + 1 : at])


def note(operation: str, text: str) -> None:
    """Add an event to the log that this process is recorded in."""
    data = text.encode()
    with open(os.environ["DISK_LOG"], "ab", buffering=0) as log:  # noqa: PTH123 - as short as it is often called
        log.write(b"\1%b %d 0 0 %d -\n" % (operation.encode(), os.getpid(), len(data)) + data)
