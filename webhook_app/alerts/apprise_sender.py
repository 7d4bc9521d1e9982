"""Sends messages by e-mail, to chats and to on-call services, with apprise: https://appriseit.com. An extra.

Apprise verifies certificates. Its own log is switched off: at level DEBUG it has addresses, which hold passwords.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from webhook_app import logs
from webhook_app.alerts.messages import BEGAN, DIGEST, OVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.alerts.messages import AlertMessage

MISSING = "pip install --require-hashes -r requirements-extras.txt"
LONGEST_WAIT = 10.0  # seconds to connect, and for each answer
PAUSES = (0.0, 3.0)  # seconds before each attempt
TITLES = {BEGAN: "Problem with webhooks", OVER: "Resolved"}
TITLE = "Tweakwise webhooks"  # of other messages
# A topic, which a sender chooses, mentions no channel and makes no link.
HARMLESS = str.maketrans(
    {
        "@": "@\N{ZERO WIDTH SPACE}",
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        "[": "\N{FULLWIDTH LEFT SQUARE BRACKET}",
    }
)


class AppriseSender:
    """Sends to one address, which names a service and its account, such as mailtos://user:password@example.com."""

    def __init__(self, address: str, pause: Callable[[float], None] = time.sleep) -> None:
        """Where apprise is missing, or does not know the address, messages are not accepted, and the log names why."""
        self._pause, self._log = pause, logs.logger()
        self._service = self._service_of(address)

    def send(self, message: AlertMessage, proceed: Callable[[], bool] = lambda: True) -> bool:
        """Return whether the service accepted the message; `proceed` is asked before each attempt, False ends them."""
        if self._service is None:
            return False
        if self._is_incident and (message.type == DIGEST or (message.type == OVER and message.remaining)):
            return True  # a summary is no incident, and the incident of that problem goes on
        for pause in PAUSES:
            self._pause(pause)
            if not proceed():
                return False
            if self._notify(self._service, message):
                return True
        self._log.warning("alert_delivery_failed", type=message.type, reason=self._service.service_name)
        return False

    @property
    def _is_incident(self) -> bool:
        """Whether the service has incidents that a later message resolves, as PagerDuty has."""
        return hasattr(self._service, "dedup")

    def _service_of(self, address: str) -> Any:
        try:
            import apprise  # noqa: PLC0415 - an extra
        except ImportError:
            self._log.warning("extra_missing", variable="ALERT_URL", hint=MISSING)
            return None
        own_log = logging.getLogger("apprise")
        own_log.disabled = True
        service: Any = apprise.Apprise.instantiate(address)
        if service is None:
            self._log.error("alert_address_unknown", scheme=address.partition("://")[0])
            return None
        if service.overflow_mode == apprise.OverflowMode.UPSTREAM:  # a service refuses what is too long for it
            is_incident = hasattr(service, "dedup")
            service.overflow_mode = apprise.OverflowMode.TRUNCATE if is_incident else apprise.OverflowMode.SPLIT
        service.socket_connect_timeout = min(service.socket_connect_timeout, LONGEST_WAIT)
        service.socket_read_timeout = min(service.socket_read_timeout, LONGEST_WAIT)
        return service

    def _notify(self, service: Any, message: AlertMessage) -> bool:
        from apprise import NotifyFormat, NotifyType  # noqa: PLC0415 - an extra

        kinds = {BEGAN: NotifyType.FAILURE, OVER: NotifyType.SUCCESS}
        title = TITLES.get(message.type, TITLE)
        if self._is_incident:
            service.action, service.dedup, title = "map", message.problem or message.id, ""
        text, kind = message.text.translate(HARMLESS), kinds.get(message.type, NotifyType.INFO)
        try:
            return bool(service.notify(body=text, title=title, notify_type=kind, body_format=NotifyFormat.TEXT))
        except Exception:  # noqa: BLE001 - over a hundred services, each with exceptions of its own; may hold an address
            return False
