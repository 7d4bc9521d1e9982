"""What may be on a disk after its power failed: everything flushed, and of the rest whatever had reached it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from chaos.disk_log import Record, Snapshot

    Kind = Callable[[bytearray, list[Record], random.Random], None]

SECTOR = 512  # bytes that a disk writes whole
HALF = 0.5


@dataclass(eq=False, slots=True)
class File:
    """A file's flushed content, and the changes that are not flushed yet."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, Record]] = field(default_factory=list)


class Disk:
    """Follows a recording record by record; an image of what may be left can be made after each of them."""

    def __init__(self, start: Snapshot) -> None:
        """Begin with the files that there were, all flushed."""
        self._folder, self._folders = start.folder, set(start.folders)
        self._names: dict[str, File] = {}  # as they are flushed
        self._renamed: list[tuple[int, Record, File]] = []  # changes of names that are not flushed yet
        self._files: dict[int, File] = {}
        self._begun: dict[tuple[int, int], int] = {}
        self._number = 0
        for path, (inode, content) in start.files.items():
            self._files[inode] = self._names[path] = File(bytearray(content))
        self._current = dict(self._names)

    def follow(self, record: Record) -> None:
        """Take over one record."""
        self._number += 1
        if record.operation in "WTG":
            self._file(record).pending.append((self._number, record))
        elif record.operation in "CUR":
            self._rename(record)
        elif record.operation == "M":
            self._folders.add(record.path)
        elif record.operation == "B":
            self._begun[record.process, record.offset] = self._number
        elif record.operation == "E":
            self._flush(record, self._begun.pop((record.process, record.offset)))

    def image(self, target: Path, kind: Kind, chance: random.Random) -> None:
        """Write into `target` what may be left, where of the changes that were not flushed some of a `kind` remain."""
        for folder in sorted(self._folders):
            (target / Path(folder).relative_to(self._folder)).mkdir(parents=True, exist_ok=True)
        for path, file in self._names_left(kind, chance).items():
            content = bytearray(file.content)
            kind(content, [record for _, record in file.pending], chance)
            (target / Path(path).relative_to(self._folder)).write_bytes(content)

    def _file(self, record: Record) -> File:
        if record.file not in self._files:  # created in a way that is not recorded
            self._files[record.file] = self._names[record.path] = self._current[record.path] = File()
        return self._files[record.file]

    def _rename(self, record: Record) -> None:
        if record.operation == "C":
            file = self._files[record.file] = self._current[record.path] = File()
        else:
            found = self._current.pop(record.path, None)
            if found is None:
                return
            file = found
            if record.operation == "R":
                self._current[bytes(record.data).decode()] = file
        self._renamed.append((self._number, record, file))

    def _flush(self, record: Record, begun: int) -> None:
        if record.path in self._folders:
            done = [one for one in self._renamed if one[0] < begun and _parent(one[1]) == record.path]
            for one in done:
                _apply_name(self._names, *one[1:])
            self._renamed = [one for one in self._renamed if one not in done]
        elif file := self._files.get(record.file):
            for number, change in file.pending:
                if number < begun:
                    _apply(file.content, change)
            file.pending = [one for one in file.pending if one[0] >= begun]

    def _names_left(self, kind: Kind, chance: random.Random) -> dict[str, File]:
        names = dict(self._names)
        for _, record, file in self._renamed:
            if kind is everything or (kind is not nothing and chance.random() < HALF):
                _apply_name(names, record, file)
        return names


def _parent(record: Record) -> str:
    path = bytes(record.data).decode() if record.operation == "R" else record.path
    return path.rpartition("/")[0]


def _apply_name(names: dict[str, File], record: Record, file: File) -> None:
    if record.operation == "C":
        names[record.path] = file
        return
    if names.get(record.path) is file:
        del names[record.path]
    if record.operation == "R":
        names[bytes(record.data).decode()] = file


def _apply(content: bytearray, change: Record) -> None:
    if change.operation == "W":
        _grow(content, change.offset)
        content[change.offset : change.offset + len(change.data)] = change.data
    else:
        _grow(content, change.offset)
        if change.operation == "T":
            del content[change.offset :]


def _grow(content: bytearray, size: int) -> None:
    content.extend(bytes(max(size - len(content), 0)))


def nothing(_content: bytearray, _changes: list[Record], _chance: random.Random) -> None:
    """Nothing that was not flushed is left."""


def everything(content: bytearray, changes: list[Record], _chance: random.Random) -> None:
    """All of it is."""
    for change in changes:
        _apply(content, change)


def beginning(content: bytearray, changes: list[Record], chance: random.Random) -> None:
    """The first changes are."""
    for change in changes[: chance.randint(0, len(changes))]:
        _apply(content, change)


def some(content: bytearray, changes: list[Record], chance: random.Random) -> None:
    """Any of the changes are."""
    for change in changes:
        if chance.random() < HALF:
            _apply(content, change)


def sectors(content: bytearray, changes: list[Record], chance: random.Random) -> None:
    """Any of the sectors are."""
    for change in changes:
        if change.operation == "W":
            for start, end in _sectors(change):
                if chance.random() < HALF:
                    _grow(content, change.offset + start)
                    content[change.offset + start : change.offset + end] = change.data[start:end]
        elif chance.random() < HALF:
            _apply(content, change)


def sizes(content: bytearray, changes: list[Record], chance: random.Random) -> None:
    """The file has its size, and any of the changes: the rest reads as zeros."""
    for change in changes:
        if chance.random() < HALF:
            _apply(content, change)
        elif change.operation != "T":
            _grow(content, change.offset + len(change.data))


KINDS = (nothing, everything, beginning, some, sectors, sizes)


def _sectors(change: Record) -> Iterator[tuple[int, int]]:
    """Return begin and end of each sector's part of a write, where sectors begin at multiples of SECTOR in the file."""
    start = 0
    while start < len(change.data):
        end = min(start + SECTOR - (change.offset + start) % SECTOR, len(change.data))
        yield start, end
        start = end
