"""A small disk of our own, to be filled or made read-only without harm to any other."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.errors import SkippedError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a tmpfs of that size below `folder` until the block ends; raises SkippedError where that is not allowed."""
    if os.geteuid() != 0:
        raise SkippedError("only root may mount a disk")
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(  # noqa: S603 - fixed words
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        raise SkippedError(f"mount: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(disk)], check=True)  # noqa: S603 - fixed words


@contextlib.contextmanager
def failing_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Mount an ext4 of that size, in a file, until the block ends; raises SkippedError where that is not allowed."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        raise SkippedError("a disk that fails needs root and mkfs.ext4")
    image, disk = folder / "image", folder / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    _run("mkfs.ext4", "-q", "-F", str(image))
    try:
        yield Disk(disk, image)
    finally:
        _run("umount", "--lazy", str(disk))


class Disk:
    """An ext4 that becomes read-only the way a broken one does: with files open, in the middle of writing."""

    def __init__(self, path: Path, image: Path) -> None:
        """Mount `image` at `path`; raises SkippedError where its kernel cannot make it fail."""
        self.path, self._image = path, image
        self._mount()
        source = _run("findmnt", "-no", "SOURCE", str(path))
        self._trigger = Path("/sys/fs/ext4", source.removeprefix("/dev/"), "trigger_fs_error")
        if not source.startswith("/dev/loop") or not self._trigger.exists():
            raise SkippedError(f"the disk at {source} cannot be made to fail")

    def fail(self) -> None:
        """Make it read-only."""
        self._trigger.write_text("chaos")

    def repair(self) -> None:
        """Repair it, while no file is open on it. Raises CalledProcessError where one is."""
        _run("umount", str(self.path))
        _run("e2fsck", "-p", str(self._image), good=(0, 1))
        self._mount()

    def _mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.path))


def _run(*command: str, good: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed words
    if done.returncode not in good:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout.strip()
