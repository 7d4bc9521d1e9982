"""`python -m chaos.disk_writer`: writes to an inbox in one process under a disk log, and notes what is done.

`weakly` stores orders with synchronous=NORMAL, where nothing is flushed until a checkpoint: the check must notice it.
`sweep` applies retention and erases deliveries, over and over until it is stopped.
"""

from __future__ import annotations

import sys
from contextlib import closing

from chaos import disk_log, orders
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, NewDelivery, retention
from webhook_app.inbox.engines import sqlite
from webhook_app.inbox.privacy import privacy_requests

WEAKLY = 60  # orders
ERASED = 10  # every tenth delivery is erased
RETENTION = retention.Retention(keep_bodies=1.0, keep_rows=7 * 86_400.0)


def main() -> None:
    """Run the command that the arguments name on the inbox that they name."""
    command, url = sys.argv[1:]
    if command == "weakly":
        sqlite.SYNCED = sqlite.NOT_SYNCED
    with closing(Inbox(url)) as inbox:
        {"weakly": store, "sweep": sweep_over_and_over}[command](inbox)


def store(inbox: Inbox) -> None:
    """Store orders one by one, and note each that would be answered with 200."""
    for number in range(1, WEAKLY + 1):
        order = orders.make(number)
        inbox.store(NewDelivery(orders.SHOP, "shopify", "orders/create", order.identity, "", order.headers, order.body))
        disk_log.note("K", order.identity)


def sweep_over_and_over(inbox: Inbox) -> None:
    """Apply retention and erase some deliveries until the process is ended; notes what is erased."""
    while True:
        try:
            retention.sweep(inbox, RETENTION)
            some = _some(inbox)
            retention.redact(inbox, some, "erased", "")
        except StoreUnavailableError:
            continue
        for number in some:
            disk_log.note("X", str(number))


def _some(inbox: Inbox) -> list[int]:
    """Return every so many deliveries that still have content."""
    found: list[int] = []
    last = 0
    while page := privacy_requests.page(inbox, orders.SHOP, last):
        found += [content.id for content in page.contents if content.id % ERASED == 0]
        last = page.last
    return found


if __name__ == "__main__":
    main()
