"""Takes the screenshots of docs/images from a dashboard with demo data: python -m tests.support.screenshots."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import browsers, demo_shops
from tests.support.demo_data import DemoData
from tests.support.processes import ROOT
from tests.support.service import Service
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD = "correct horse battery staple"
IMAGES = ROOT / "docs/images"
SCREEN: dict[str, Any] = {"viewport": {"width": 1200, "height": 860}}
MOST = 200
WHOLE = ("shop",)  # pages that are shown to their end
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True}


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="screenshots-"))
    data = DemoData(f"sqlite:///{folder / 'inbox.db'}", int(time.time() * 1000))
    data.fill(orders=900)
    dead = next(row for row in stored_deliveries.newest(data.inbox, 5000) if row.state == "dead")
    data.inbox.close()
    with Service(folder, f"sqlite:///{folder / 'inbox.db'}", DASHBOARD_PASSWORD=PASSWORD) as service:
        service.start("web", ready=f"{service.url}/healthz")
        with browsers.chromium() as browser:
            take(browser, service.url, "deliveries", "/deliveries", SCREEN)
            take(browser, service.url, "delivery", f"/deliveries/{dead.id}", SCREEN)
            take(browser, service.url, "accounting", f"/accounting?day={yesterday()}", SCREEN)
            take(browser, service.url, "shop", "/shops/demo-shopify?range=7d", SCREEN)
            take(browser, service.url, "overview-1", "?range=7d", SCREEN)
    for number in (50, 200):
        many(folder / str(number), number)
    shutil.rmtree(folder)


def many(folder: Path, number: int) -> None:
    """Take those of an agency's shops."""
    folder.mkdir()
    file, url = folder / "shops.toml", f"sqlite:///{folder / 'inbox.db'}"
    file.write_text(demo_shops.document(number))
    file.chmod(0o600)
    demo_shops.fill(url, number, int(time.time() * 1000))
    with Service(folder, url, DASHBOARD_PASSWORD=PASSWORD) as service:
        service.env["SHOPS_FILE"] = str(file)
        service.start("web", ready=f"{service.url}/healthz")
        service.start("worker")
        with browsers.chromium() as browser:
            wait_until_settled(browser, service.url)
            if number == MOST:
                take(browser, service.url, "overview-200", "", SCREEN)
                return
            take(browser, service.url, "overview", "", SCREEN)
            take(browser, service.url, "overview-dark", "", {**SCREEN, "color_scheme": "dark"})
            take(browser, service.url, "phone", "", PHONE)
            take(browser, service.url, "shop-dark", "/shops/atelier-be", {**SCREEN, "color_scheme": "dark"})


def wait_until_settled(browser: Browser, url: str) -> None:
    """Wait until the worker runs and every delivery is counted."""
    page = signed_in(browser.new_page(base_url=url))
    while any(text in page.content() for text in ("No worker runs", "Still counting")):
        page.reload()
    page.close()


def take(browser: Browser, url: str, name: str, path: str, shape: dict[str, Any]) -> None:
    context = browser.new_context(**shape, base_url=url)
    page = signed_in(context.new_page())
    page.goto(f"/dashboard{path}")
    page.screenshot(path=IMAGES / f"{name}.png", full_page=name in WHOLE)
    context.close()


def signed_in(page: Page) -> Page:
    page.goto("/dashboard")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="All shops").wait_for()
    return page


def yesterday() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))


if __name__ == "__main__":
    main()
