"""Takes the screenshots of the overview in each state: python -m tests.support.health_screenshots [FOLDER]."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from chaos import disks
from chaos.scenarios.disk_full import fill
from tests.support import browsers, processes
from tests.support.deliveries import open_breaker
from tests.support.service import Service
from webhook_app.inbox import Inbox, migrate
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "correct horse battery staple"
IMAGES = processes.ROOT / "docs/images"
SCREEN: dict[str, Any] = {"viewport": {"width": 1200, "height": 700}}
SHOP = """
[shops.{name}]
platform = "shopify"
secrets = ["demo-shopify-secret"]
instance_key = "1234abcd"
profile_salt = "a salt of the shop {name}"
domain = "sample.example"
"""
WITHIN = 30.0  # seconds
TOPICS = ("orders/create", "orders/paid", "orders/updated")


class Stage:
    """A receiver with its shops, and a browser that looks at it."""

    def __init__(self, folder: Path, stack: ExitStack, *names: str) -> None:
        shops = folder / "shops.toml"
        shops.write_text("".join(SHOP.format(name=name) for name in names))
        shops.chmod(0o600)
        self.folder, self.url = folder, f"sqlite:///{folder / 'inbox.db'}"
        with closing(Inbox(self.url)) as inbox:
            migrate.upgrade(inbox.database)
        self.service = stack.enter_context(Service(folder, self.url, DASHBOARD_PASSWORD=PASSWORD))
        self.service.env["SHOPS_FILE"] = str(shops)

    def start(self) -> None:
        self.service.start_all()

    def send(self, count: int) -> None:
        """Send orders that Tweakwise gets, and count every topic as received."""
        for number in range(1, count + 1):
            self.service.post(number)
        with closing(Inbox(self.url)) as inbox:
            now = inbox.clock()
            seen = [
                ActivityCount("demo-shopify", "shopify", ActivityKind.TOPIC, one, 1, now, now) for one in TOPICS[1:]
            ]
            activity.record(inbox, seen)

    def refuse(self, count: int) -> None:
        """Send orders with a signature by another secret."""
        for number in range(count):
            headers = {"X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": "A" * 43 + "="}
            url = f"{self.service.url}/webhooks/shopify/demo-shopify"
            requests.post(url, data=b'{"id": %d}' % number, headers=headers, timeout=WITHIN)


def fresh(stage: Stage) -> Iterator[None]:
    stage.start()
    yield


def well(stage: Stage) -> Iterator[None]:
    stage.start()
    stage.send(40)
    yield


def refused(stage: Stage) -> Iterator[None]:
    stage.start()
    stage.refuse(60)
    yield


def full_disk(stage: Stage) -> Iterator[None]:
    stage.start()
    stage.send(20)
    time.sleep(3)
    fill(stage.folder)
    stage.service.post(1000)
    yield


def no_database(stage: Stage) -> Iterator[None]:
    stage.start()
    yield  # the browser signs in before
    for file in stage.folder.glob("inbox.db*"):
        file.rename(file.with_name(f"moved-{file.name}"))
    yield


def many_shops(stage: Stage) -> Iterator[None]:
    with closing(Inbox(stage.url)) as inbox:
        for number in range(50):
            now, name = inbox.clock(), f"shop-{number:02d}"
            seen = [ActivityCount(name, "shopify", ActivityKind.TOPIC, one, 9, now, now) for one in TOPICS]
            activity.record(inbox, seen)
            if number:
                open_breaker(inbox, name)
    stage.start()
    yield


STATES: dict[str, tuple[Callable[[Stage], Iterator[None]], tuple[str, ...]]] = {
    "overview-fresh": (fresh, ("demo-shopify",)),
    "overview-well": (well, ("demo-shopify",)),
    "overview-refused": (refused, ("demo-shopify",)),
    "overview-full-disk": (full_disk, ("demo-shopify",)),
    "overview-no-database": (no_database, ("demo-shopify",)),
    "overview-many-shops": (many_shops, tuple(f"shop-{number:02d}" for number in range(50))),
}


def main(target: Path) -> None:
    for name, (state, shops) in STATES.items():
        with tempfile.TemporaryDirectory(prefix="screenshots-") as folder, ExitStack() as stack:
            disk = stack.enter_context(disks.small_disk(Path(folder), 2000 if state is not full_disk else 24))
            stage = Stage(disk, stack, *shops)
            steps = state(stage)
            next(steps)
            with browsers.chromium() as browser:
                page = browser.new_context(**SCREEN, base_url=stage.service.url).new_page()
                page.goto("/dashboard")
                page.get_by_label("Password").fill(PASSWORD)
                page.keyboard.press("Enter")
                page.get_by_role("heading", name="All shops").wait_for()
                next(steps, None)
                time.sleep(6)  # findings are measured every five seconds
                page.goto("/dashboard")
                page.screenshot(path=target / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
