"""One pass over a platform's list, as pages come from a list that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sources import AGES, HOUR, shop_at
from webhook_app.platforms import all_platforms
from webhook_app.sources import rounds
from webhook_app.sources.base import ListedOrder, Window
from webhook_app.sources.comparison import Comparison

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox


class Moving:
    """A list that is read again from further back: pages overlap with both of the pages before."""

    def __init__(self, pages: list[list[ListedOrder]]) -> None:
        self._pages = pages

    def pages(self, _window: Window) -> list[list[ListedOrder]]:
        return self._pages


@pytest.mark.engines("sqlite")
def test_an_order_of_several_pages_counts_once(inbox: Inbox, clock: Clock) -> None:
    """Unless it was changed meanwhile: then its newer state is compared too."""
    placed = clock.now - HOUR
    first, second, third = (
        ListedOrder(name, name, placed, placed, "2026-11-26T10:00:00", "EUR", lambda: b"{}") for name in "123"
    )
    newer = ListedOrder("1", "1", placed, placed + 1, "2026-11-26T10:00:01", "EUR", lambda: b"{}")
    comparison = Comparison(inbox, shop_at("http://127.0.0.1"), all_platforms(), AGES)
    for pages, listed in (
        ([[first, second], [second, third], [first, third]], 3),
        ([[first, first], [second], [newer, third]], 4),
    ):
        connection: Any = Moving(pages)
        assert rounds.run(connection, comparison, Window(0), clock.now, stores=False).listed == listed
