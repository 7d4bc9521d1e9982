"""Requests HEARTBEAT_URL each minute while the receiver works, so that a monitor notices when it no longer does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhook_app import logs
from webhook_app.inbox import presence

if TYPE_CHECKING:
    from webhook_app.inbox import Inbox

TIMEOUT = (3.0, 5.0)  # seconds to connect, and to answer


def send(inbox: Inbox, url: str) -> None:
    """Request `url`, unless no worker runs. Raises StoreUnavailableError."""
    import requests  # noqa: PLC0415 - most receivers have no address to request

    from webhook_app import timed_answers  # noqa: PLC0415
    from webhook_app.failed_requests import described  # noqa: PLC0415

    if not presence.worker_runs(inbox):
        logs.logger().warning("heartbeat_withheld", reason="no worker runs")
        return
    try:
        # A stream: the answer's body is never read, however long it is.
        with (
            timed_answers.Session() as session,
            session.get(url, timeout=TIMEOUT, allow_redirects=False, stream=True) as response,
        ):
            failure = "" if response.ok and not response.is_redirect else f"http_{response.status_code}"
    except requests.RequestException as error:
        failure = described(error)
    if failure:
        logs.logger().warning("heartbeat_failed", host=urlsplit(url).hostname, reason=failure)
