"""A Tweakwise to deliver to: the sandbox, served over real HTTP in a thread."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests

from tests.support.processes import LONGEST
from tests.support.web_server import serving_app
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
    with serving_app(create_app()) as port:
        yield LocalTweakwise(f"http://127.0.0.1:{port}")
