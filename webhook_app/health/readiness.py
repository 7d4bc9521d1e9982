"""Whether webhooks can be stored, checked at most once a second however many clients ask."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from webhook_app import logs
from webhook_app.config.validators import SQLITE
from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.health import disks
from webhook_app.inbox import presence
from webhook_app.inbox.migrate import is_current

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.spool import Spool

Status = Literal[
    "ready", "spooling", "migrations_missing", "database_missing", "disk_full", "not_writable", "unavailable"
]
VALID_FOR = 1.0  # seconds


class Readiness:
    """The answer of a check, shared by all requests of the process."""

    def __init__(self, config: Settings, inbox: Inbox, spool: Spool | None) -> None:
        """Nothing is checked before the first request."""
        self._config, self._inbox, self._spool = config, inbox, spool
        self._lock, self._valid_until = threading.Lock(), 0.0
        self._status: Status | None = None
        self._lacks_worker, self._is_file = False, config.database_url.startswith(SQLITE)

    def status(self) -> Status:
        """Return the latest status; requests that arrive during a check wait for it."""
        with self._lock:
            if self._status is None or time.monotonic() >= self._valid_until:
                self._status = self._logged(self._checked())
                self._lacks_worker = self._is_file and self._status == "ready" and not self._worker_runs()
                self._valid_until = time.monotonic() + VALID_FOR
            return self._status

    @property
    def lacks_worker(self) -> bool:
        """Whether no worker ran at the latest check on a file that only this machine has."""
        return self._lacks_worker

    def _worker_runs(self) -> bool:
        with suppress(StoreUnavailableError):
            return presence.worker_runs(self._inbox)
        return True

    def _logged(self, status: Status) -> Status:
        """Log a status that differs from the one before."""
        if status != (self._status or "ready"):
            logs.logger().warning("readiness_changed", status=status)
        return status

    def _checked(self) -> Status:
        try:
            if self._spool and self._spool.is_needed():
                return self._on_disk("spool", "spooling")
            if not self._inbox.database.exists():
                return "database_missing"
            status: Status = "ready" if is_current(self._inbox.database) else "migrations_missing"
            return self._inbox.database.write_fault() or self._on_disk("inbox", status)
        except OverloadedError:
            return "ready"  # the database answers, only not at once
        except StoreUnavailableError:
            return self._on_disk("inbox", "unavailable")  # SQLite cannot even be opened on a full disk

    def _on_disk(self, what: str, otherwise: Status) -> Status:
        """Return why the disk of a file cannot be written, or `otherwise`."""
        for disk in disks.statuses(self._config):
            if disk.what == what and disk.failure:
                return "disk_full" if disk.is_full else "not_writable"
        return otherwise
