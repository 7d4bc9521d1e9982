"""Reads the orders of deliveries that no worker has settled, before a command selects by order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import orders
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import order_reader

if TYPE_CHECKING:
    from webhook_app.inbox import Inbox, Selection

READ_FOR = 5.0  # seconds


def read_for(inbox: Inbox, selection: Selection) -> None:
    """Read them where `selection` is by order."""
    if selection.order is not None:
        try:
            orders.read_names(inbox, order_reader(all_platforms()), READ_FOR, rest=0)
        except StoreUnavailableError as error:  # what is stored can be read while nothing can be written
            inbox.outages.failed(error)
