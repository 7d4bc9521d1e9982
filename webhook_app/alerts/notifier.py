"""Telling somebody: one signed POST for a message, tried a few times, and never an exception."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import requests

from webhook_app import logs
from webhook_app.signing.standard_webhooks import StandardWebhooks

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = (3.0, 5.0)  # seconds to connect, and to answer
PAUSES = (1.0, 3.0)  # seconds before the second and the third try


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """What is told; the same `id` is the same message, should it come twice."""

    id: str
    type: str
    text: str
    data: dict[str, Any]


class Notifier:
    """Posts messages to one address, signed as https://www.standardwebhooks.com asks for where there is a secret."""

    def __init__(
        self,
        url: str,
        form: Literal["json", "slack"],
        secret: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`secret` is base64, with or without whsec_ in front."""
        self._url, self._form, self._secret, self._pause = url, form, secret, pause
        self._log = logs.logger()

    def send(self, message: AlertMessage) -> bool:
        """Return whether somebody took the message; why not is logged, without the address, which may be a secret."""
        why = ""
        for pause in (0.0, *PAUSES):
            self._pause(pause)
            why = self._post(message)
            if not why:
                return True
        self._log.warning("alert_delivery_failed", type=message.type, reason=why)
        return False

    def _post(self, message: AlertMessage) -> str:
        """Return why nobody took it, "" if somebody did."""
        body = self._body(message)
        signed = StandardWebhooks().sign(body, self._secret, message.id) if self._secret else {}
        headers = {"Content-Type": "application/json", **signed}
        try:
            said = requests.post(self._url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            return type(error).__name__
        return "" if said.ok and not said.is_redirect else f"http_{said.status_code}"

    def _body(self, message: AlertMessage) -> bytes:
        if self._form == "slack":
            return json.dumps({"text": message.text}).encode()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        said = {"type": message.type, "timestamp": now, "text": message.text, "data": message.data}
        return json.dumps(said).encode()
