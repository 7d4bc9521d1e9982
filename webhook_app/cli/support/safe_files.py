"""Appends to files with secrets: whole or not at all, readable by their owner alone where they are new."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWNER_ALONE = 0o600


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let no other command that calls this change files of the folder during the block."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def appended(path: Path, text: str) -> str:
    """Return what a file holds, with `text` after it; only `text` where there is no file."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    gap = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{gap}{text}"


def replace(path: Path, text: str) -> None:
    """Write a file anew: readers see the old one or the new one. It keeps its permissions. Raises ClickException."""
    target = path.resolve()  # of a symbolic link, the file that it leads to
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else OWNER_ALONE
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)  # noqa: PTH105 - both are on one disk
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108
            raise
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from None
