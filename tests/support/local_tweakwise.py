"""A Tweakwise to deliver to: the sandbox, served over real HTTP in a thread."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from werkzeug.serving import make_server

from tests.support.processes import LONGEST
from webhook_app.sandbox.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator


class LocalTweakwise:
    """The sandbox's address and what one asks it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = requests.get(f"{self.url}/events", timeout=LONGEST).json()["events"]
        return events

    def refused(self) -> list[dict[str, Any]]:
        refused: list[dict[str, Any]] = requests.get(f"{self.url}/refused", timeout=LONGEST).json()
        return refused

    def trouble(self, **switches: Any) -> None:
        requests.post(f"{self.url}/trouble", json=switches, timeout=LONGEST).raise_for_status()


@contextmanager
def serving() -> Iterator[LocalTweakwise]:
    """Serve a fresh sandbox on a free port."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield LocalTweakwise(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
