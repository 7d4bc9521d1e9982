"""Records once a minute that this web process runs, and with which version."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.presence import EVERY, WEB, Presence

if TYPE_CHECKING:
    from webhook_app.inbox import Inbox


class WebPresence:
    """A background task of a web process."""

    def __init__(self, inbox: Inbox) -> None:
        """Nothing is written before start()."""
        self._presence = Presence(inbox, WEB)
        self._closing = threading.Event()
        self._log = logs.logger()

    def start(self) -> None:
        """Record now and once a minute, in a thread."""
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Record that the process ends."""
        self._closing.set()
        self._presence.end()

    def _run(self) -> None:
        self._record()
        while not self._closing.wait(EVERY):
            self._record()

    def _record(self) -> None:
        try:
            self._presence.record()
        except StoreUnavailableError as error:
            self._log.debug("store_unavailable", error=str(error))
