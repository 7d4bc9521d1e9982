"""Whether webhooks can be stored, checked at most once a second however many clients ask."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal

from webhook_app import logs
from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.inbox.migrate import is_current

if TYPE_CHECKING:
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.spool import Spool

Status = Literal["ready", "spooling", "migrations_missing", "database_missing", "unavailable"]
VALID_FOR = 1.0  # seconds


class Readiness:
    """The answer of a check, shared by all requests of the process."""

    def __init__(self, inbox: Inbox, spool: Spool | None) -> None:
        """Nothing is checked before the first request."""
        self._inbox, self._spool = inbox, spool
        self._lock, self._valid_until = threading.Lock(), 0.0
        self._status: Status = "unavailable"

    def status(self) -> Status:
        """Return the latest status; requests that arrive during a check wait for it."""
        with self._lock:
            if time.monotonic() >= self._valid_until:
                self._status = self._checked()
                self._valid_until = time.monotonic() + VALID_FOR
            return self._status

    def _checked(self) -> Status:
        try:
            if self._spool and self._spool.is_needed():
                return "spooling"
            if not self._inbox.database.exists():
                return "database_missing"
            return "ready" if is_current(self._inbox.database) else "migrations_missing"
        except OverloadedError:
            return "ready"  # the database answers, only not at once
        except StoreUnavailableError as error:
            logs.logger().error("store_unavailable", error=str(error))
            return "unavailable"
