"""A small disk of our own, to be filled or made read-only without harm to any other."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

from chaos.stage import SkippedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


def remount(disk: Path, mode: str) -> None:
    """Make `disk` read-only ("ro") or writable ("rw"); raises CalledProcessError where files are open for writing."""
    subprocess.run(["/bin/mount", "-o", f"remount,{mode}", str(disk)], check=True, capture_output=True)  # noqa: S603 - fixed words
