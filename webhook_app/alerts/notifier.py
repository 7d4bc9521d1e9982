"""Sends alert messages: one signed POST for each message, retried a few times, and never an exception."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from webhook_app import logs
from webhook_app.signing.standard_webhooks import StandardWebhooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.alerts.messages import AlertMessage

TIMEOUT = (3.0, 5.0)  # seconds to connect, and to answer
PAUSES = (1.0, 3.0)  # seconds before the second and the third attempt


class Notifier:
    """Posts messages to one address, signed as https://www.standardwebhooks.com if there is a secret."""

    def __init__(
        self,
        url: str,
        form: Literal["json", "slack"],
        secret: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`secret` is base64, with or without the prefix whsec_."""
        self._url, self._form, self._secret, self._pause = url, form, secret, pause
        self._log = logs.logger()

    def send(self, message: AlertMessage, proceed: Callable[[], bool] = lambda: True) -> bool:
        """Return whether the message was accepted; a failure is logged with the host: the address may be a secret.

        `proceed` is asked before each attempt, and False ends them.
        """
        failure = ""
        for pause in (0.0, *PAUSES):
            self._pause(pause)
            if not proceed():
                return False
            failure = self._post(message)
            if not failure:
                return True
        self._log.warning("alert_delivery_failed", type=message.type, host=urlsplit(self._url).hostname, reason=failure)
        return False

    def _post(self, message: AlertMessage) -> str:
        """Return why the message was not accepted, "" if it was."""
        import requests  # noqa: PLC0415 - most processes never send a message

        from webhook_app import timed_answers  # noqa: PLC0415
        from webhook_app.failed_requests import described  # noqa: PLC0415

        body = self._body(message)
        signature = StandardWebhooks().sign(body, self._secret, message.id) if self._secret else {}
        headers = {"Content-Type": "application/json", **signature}
        try:
            # A stream: the answer's body is never read, however long it is.
            with (
                timed_answers.Session() as session,
                session.post(
                    self._url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
                ) as response,
            ):
                return "" if response.ok and not response.is_redirect else f"http_{response.status_code}"
        except requests.RequestException as error:
            return described(error)

    def _body(self, message: AlertMessage) -> bytes:
        if self._form == "slack":
            return json.dumps({"text": _escaped(message.text)}).encode()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"type": message.type, "timestamp": now, "text": message.text, "data": message.data}
        return json.dumps(content).encode()


def _escaped(text: str) -> str:
    """Return a text that Slack takes for no link and no mention: https://docs.slack.dev/messaging/formatting-message-text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
