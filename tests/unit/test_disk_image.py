"""The simulated disk of the power cuts: what was flushed stays, and of the rest anything may."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from chaos import disk_image
from chaos.disk_log import Record, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

FLUSHED, LATER = b"a" * 700, b"b" * 700


def record(operation: str, path: Path, data: bytes = b"", offset: int = 0, file: int = 1) -> Record:
    return Record(operation, 1, file, offset, str(path), memoryview(data))


@pytest.fixture
def disk(tmp_path: Path) -> disk_image.Disk:
    """A disk with a file that was flushed, and written again since."""
    file = tmp_path / "file"
    disk = disk_image.Disk(Snapshot.of(tmp_path))
    flushes = [
        record(end, path, offset=inode, file=inode) for path, inode in ((file, 1), (tmp_path, 2)) for end in "BE"
    ]
    for one in (record("C", file), record("W", file, FLUSHED), *flushes, record("W", file, LATER, 700)):
        disk.follow(one)
    return disk


@pytest.mark.parametrize("kind", disk_image.KINDS)
def test_what_was_flushed_stays(disk: disk_image.Disk, tmp_path: Path, kind: disk_image.Kind) -> None:
    """Whatever else is lost."""
    disk.image(tmp_path / "image", kind, random.Random(1))
    assert (tmp_path / "image/file").read_bytes().startswith(FLUSHED)


def test_what_was_not_flushed_may_be_lost_in_part(disk: disk_image.Disk, tmp_path: Path) -> None:
    """All of it, nothing of it, or some of its sectors."""
    left = set()
    for seed in range(20):
        for kind in disk_image.KINDS:
            disk.image(tmp_path / "image", kind, random.Random(seed))
            left.add((tmp_path / "image/file").read_bytes()[700:])
    assert {b"", LATER, b"b" * 324} <= left
    assert b"\0" * 324 + b"b" * 376 in left
