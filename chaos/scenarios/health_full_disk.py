"""The disk of the inbox is full while people look for the cause: pages, commands and probes name it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos import disks, orders, wire
from chaos.health_views import (
    NO_TWEAKWISE,
    OK,
    PASSWORD,
    TOKEN,
    UNAVAILABLE,
    Browser,
    check_commands,
    check_logs,
    check_over,
    lengths,
    probed,
)
from chaos.orders import SHOP
from chaos.scenarios.disk_full import fill

if TYPE_CHECKING:
    from chaos.context import Context

MEGABYTES = 24
LASTS, SHORT_LASTS = 150.0, 1.0  # seconds
PAGES = ("", "/deliveries", "/accounting", "/issues", f"/shops/{SHOP}", "/actions", "/sessions")


def run(context: Context) -> None:
    """A full disk is named by /readyz, status, doctor and the overview; people can sign in, and logs stay short."""
    with disks.small_disk(context.folder, MEGABYTES) as disk:
        system = context.system(
            NO_TWEAKWISE, disk, DASHBOARD_PASSWORD=PASSWORD, METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="1"
        )
        system.folder = context.folder  # logs are elsewhere
        web, worker = system.start_web(), system.start_worker()
        began, before, ballast = time.monotonic(), lengths(system), fill(disk)
        for number in range(5):
            order = orders.make(98_000_000 + number)
            answer = wire.send(system.port, (orders.head(order, len(order.body)), order.body))
            context.expect(answer == ["503"], f"The answer to an order is {answer}.")
        browser = Browser(system.url)
        context.expect(browser.sign_in() == OK, "The login is refused.")
        code, text = probed(browser)
        context.expect(code == UNAVAILABLE and "disk_full" in text, f"/readyz answers {code}: {text}")
        for page in PAGES:
            code, text = browser.get(f"/dashboard{page}")
            context.expect(code == OK, f"The page {page or 'overview'} answers {code}.")
            context.expect(page or "is full" in text, "The overview does not name the full disk.")
        check_commands(context, system, "disk")
        time.sleep(max(0.0, (SHORT_LASTS if context.short else LASTS) - (time.monotonic() - began)))
        check_logs(context, system, before, (time.monotonic() - began) / 60)
        ballast.unlink()
        check_over(context, browser, "/readyz", 15.0)
        context.expect_alive(system, web=web, worker=worker)
        context.figures |= {"minutes": round((time.monotonic() - began) / 60, 1)}
        system.stop()
