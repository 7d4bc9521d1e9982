"""The deliveries before and after one in the list from which the reader came."""

from __future__ import annotations

from flask import request

from webhook_app.dashboard import delivery_filters
from webhook_app.dashboard.context import current
from webhook_app.dashboard.delivery_filters import GivenFilters
from webhook_app.inbox.operations import bulk_changes
from webhook_app.inbox.reports import delivery_pages

HIGHEST = 2**63 - 1  # number in a database


def list_filters() -> GivenFilters:
    """Return the filters of the list, as the address of the page has them; none where one is wrong."""
    filters = delivery_filters.read({name: value for name, value in request.args.items() if name != "number"})
    return GivenFilters({}) if filters.errors else filters


def neighbours(number: int, filters: GivenFilters) -> tuple[int | None, int | None]:
    """Return the next newer and the next older delivery of the list."""
    inbox, wanted = current().inbox, filters.wanted()
    newer = bulk_changes.following(inbox, wanted, number, HIGHEST, 1).ids
    older = delivery_pages.page(inbox, wanted, 1, number).rows
    return (newer[0] if newer else None), (older[0].id if older else None)
