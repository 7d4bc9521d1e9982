"""PostgreSQL is down while people look for the cause: pages, commands and probes name it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from chaos.context import Context

LASTS, SHORT_LASTS = 150.0, 1.0  # seconds
PAGES = ("", "/login", "/deliveries", "/accounting", "/issues", f"/shops/{SHOP}", "/actions", "/sessions")


def run(context: Context) -> None:
    """Without PostgreSQL, /readyz, status, doctor and pages name it, and logs stay short; it ends by itself."""
    server = context.postgres()
    system = context.system(NO_TWEAKWISE, DASHBOARD_PASSWORD=PASSWORD, METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="1")
    web, worker = system.start_web(), system.start_worker()
    browser = Browser(system.url)
    context.expect(browser.sign_in() == OK, "The login is refused.")
    began, before = time.monotonic(), lengths(system)
    server.stop()
    code, text = probed(browser)
    context.expect(code == UNAVAILABLE and "unavailable" in text, f"/readyz answers {code}: {text}")
    for page in PAGES:
        code, text = browser.get(f"/dashboard{page}")
        context.expect(code in (OK, UNAVAILABLE), f"The page {page or 'overview'} answers {code}.")
        context.expect(code == OK or "Database unavailable" in text, f"The page {page} does not name the database.")
        context.expect(str(server.files) not in text, f"The page {page} shows the address of the database.")
    context.expect("webhooks_database_up 0" in browser.get("/metrics")[1], "/metrics does not show it.")
    check_commands(context, system, "database")
    time.sleep(max(0.0, (SHORT_LASTS if context.short else LASTS) - (time.monotonic() - began)))
    check_logs(context, system, before, (time.monotonic() - began) / 60)
    server.start()
    check_over(context, browser, "/dashboard", 30.0)
    context.expect_alive(system, web=web, worker=worker)
    context.figures |= {"minutes": round((time.monotonic() - began) / 60, 1)}
