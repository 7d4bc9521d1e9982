"""What pages write before they read: counts and order numbers. While nothing can be written they show older ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request

from webhook_app.dashboard.context import current
from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.inbox import orders
from webhook_app.inbox.counting import count_check, statistics
from webhook_app.inbox.counting.statistics import Progress
from webhook_app.translation.translate import order_reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.inbox.counting.count_check import CountCheck

READ_NAMES_FOR = 0.5  # seconds
COUNT_FOR = 0.5  # seconds


def refresh() -> Progress:
    """Bring the counts up to date, as far as that is possible.

    A page that follows the counting of many deliveries, and that no one waits for, takes longer for that.
    """
    progress = _refreshed()
    return _refreshed(within=COUNT_FOR) if progress.uncounted and "X-Live" in request.headers else progress


def _refreshed(**options: Any) -> Progress:
    return _if_writable(lambda: statistics.refresh(current().inbox, **options)) or Progress(0, 0, is_stored=False)


def refresh_all() -> None:
    """Count everything, however long it takes, as far as that is possible."""
    _if_writable(lambda: statistics.refresh(current().inbox, within=None, fresh=0))


def check(hours: range) -> CountCheck | None:
    """Compare the counts of some hours with the stored deliveries; None while they cannot be corrected."""
    checked: CountCheck | None = _if_writable(lambda: count_check.check(current().inbox, hours))
    return checked


def read_order_names() -> None:
    """Read the orders of deliveries that no worker has settled, as far as that is possible."""
    reference_of = order_reader(current().platforms)
    _if_writable(lambda: orders.read_names(current().inbox, reference_of, READ_NAMES_FOR, rest=0))


def _if_writable(task: Callable[[], Any]) -> Any:
    """Do what writes; a full disk must not hide the page that shows it. What cannot be read fails afterwards."""
    try:
        return task()
    except OverloadedError:
        raise
    except StoreUnavailableError as error:
        current().inbox.outages.failed(error)
        return None
