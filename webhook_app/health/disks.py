"""The disks of the inbox and the spool: whether they can be written, and how much is free."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from webhook_app.config import settings
from webhook_app.config.validators import SQLITE
from webhook_app.errors import StoreUnavailableError
from webhook_app.health.measurements import DiskStatus
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings

WRITTEN = bytes(256 * 1024)  # what must fit; file systems reserve the space before they write
# Unlike Path.exists(), False also in a folder that this user may not search.
is_there = os.path.exists
FULL = (errno.ENOSPC, errno.EDQUOT)


def statuses(config: Settings) -> list[DiskStatus]:
    """Return the disk of an SQLite inbox and of the spool; that of a PostgreSQL server cannot be seen from here."""
    url = config.database_url
    files = {"inbox": url.removeprefix(SQLITE) if url.startswith(SQLITE) else None, "spool": config.spool}
    return [status(what, path) for what, path in files.items() if path]


def status(what: str, path: str) -> DiskStatus:
    """Return whether a file and its folder can be written, and how much is free on its disk."""
    # Migrating creates the folders that are missing.
    folder = next(folder for folder in Path(path).absolute().parents if is_there(folder))
    ephemeral = settings.is_ephemeral(path)
    free = 0
    try:
        free = shutil.disk_usage(folder).free // 1_000_000
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            if file.write(WRITTEN) < len(WRITTEN):
                raise OSError(errno.ENOSPC, "no space is left")  # noqa: TRY301 - as the next write would
        if refused := _unwritable(path):
            raise OSError(errno.EACCES, f"{refused} cannot be written")  # noqa: TRY301 - as the next write would
    except OSError as error:
        is_full = error.errno in FULL
        return DiskStatus(what, str(folder), free, error.strerror or "", is_full, ephemeral)
    return DiskStatus(what, str(folder), free, is_ephemeral=ephemeral)


def _unwritable(path: str) -> str:
    """Return the name of a database's file that is there and cannot be written, "" where there is none."""
    files = (Path(f"{path}{suffix}") for suffix in ("", "-wal", "-shm"))
    return next((file.name for file in files if is_there(file) and not os.access(file, os.W_OK)), "")


def spooled(path: str | None) -> int:
    """Count the events that wait in the spool."""
    if not path or not is_there(path):
        return 0
    with closing(Inbox(f"{SQLITE}{path}")) as inbox:
        try:
            return sum(stored_deliveries.counts(inbox).values())
        except StoreUnavailableError:
            return 0
