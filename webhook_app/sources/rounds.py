"""One pass over a window of a platform's orders: compare each, store what is missing, count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhook_app.inbox import orders as stored_orders
from webhook_app.inbox.shop_records import platform_orders
from webhook_app.sources.comparison import Outcome
from webhook_app.translation.translate import order_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhook_app.sources.base import Connection, ListedOrder, Window
    from webhook_app.sources.comparison import Compared, Comparison

MOST_NAMES = 10
READ_NAMES_FOR = 10.0  # seconds


@dataclass(slots=True)
class Report:
    """The figures of a pass.

    `listed` = settled (delivered and ignored) + waiting + dead + missing. `recent` are further orders that changed so
    lately that their webhooks may be under way, and that no delivery is about. `to_deliver` and `to_ignore` divide the
    missing ones by what they would become, the latter by reason; `filled` is how many of them were stored now. `names`
    are the numbers of the first missing ones, `newest` is the date of the last change among all of them.
    """

    listed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    recent: int = 0
    to_deliver: int = 0
    to_ignore: Counter[str] = field(default_factory=Counter)
    filled: int = 0
    names: list[str] = field(default_factory=list)
    newest: int | None = None

    @property
    def missing(self) -> int:
        """How many orders no delivery is about, or none of their present state."""
        return self.outcomes[Outcome.MISSING]

    @property
    def waiting(self) -> int:
        """How many orders have a delivery that is not settled."""
        return self.outcomes[Outcome.WAITING]

    @property
    def received(self) -> int:
        """How many orders have a delivery that is settled, or are too old for one."""
        return self.listed - self.missing - self.waiting

    def add(self, one: Compared) -> None:
        """Count an order."""
        self.listed += 1
        self.outcomes[one.outcome] += 1
        self.newest = one.order.changed if self.newest is None else max(self.newest, one.order.changed)
        if one.outcome is Outcome.IGNORED:
            self.ignored[one.reason] += 1
        if one.outcome is not Outcome.MISSING:
            return
        if one.reason:
            self.to_ignore[one.reason] += 1
        else:
            self.to_deliver += 1
        if len(self.names) < MOST_NAMES:
            self.names.append(one.order.name)


def run(  # noqa: PLR0913 - what a pass is about
    connection: Connection,
    comparison: Comparison,
    window: Window,
    before: int,
    *,
    stores: bool = True,
    after_page: Callable[[Report], object] = lambda _: None,
) -> Report:
    """Compare the orders of a window that did not change since `before`, and store those that are missing.

    `before` is on the platform's clock. With `stores` False no row is changed. `after_page` is called after each page,
    and ends the pass by raising. Raises SourceError and StoreUnavailableError; what was stored until then stays, and
    is found by the next pass.
    """
    report, seen, before_seen = Report(), set[tuple[str, str]](), set[tuple[str, str]]()
    for page in connection.pages(window):
        # Pages overlap, and a list that moved is read again from further back.
        states = {(one.id, one.changed_at): one for one in page}
        new = [one for state, one in states.items() if state not in seen and state not in before_seen]
        before_seen, seen = seen, set(states)
        add_page(comparison, new, before, report, stores=stores)
        after_page(report)
    return report


def add_page(
    comparison: Comparison, orders: Sequence[ListedOrder], before: int | None, report: Report, *, stores: bool
) -> None:
    """Compare orders, count them in the report, and store those that are missing, also recent ones if `before` is None.

    Raises StoreUnavailableError.
    """
    compared = comparison.compare(orders)
    if stores and any(one.outcome is Outcome.MISSING for one in compared):
        # A delivery about it may be stored that no worker has translated yet.
        stored_orders.read_names(comparison.inbox, order_reader(comparison.platforms), READ_NAMES_FOR, rest=0.0)
        compared = comparison.compare(orders)
    missing: list[Compared] = []
    counted: list[Compared] = []
    for one in compared:
        if one.outcome is Outcome.MISSING and before is not None and one.is_recent(before):
            report.recent += 1
            continue
        counted.append(one)
        report.add(one)
        if one.outcome is Outcome.MISSING:
            missing.append(one)
    if not stores:
        return
    if missing:
        results = comparison.inbox.store_all([comparison.delivery(one.order) for one in missing])
        comparison.inbox.wakeups.notify()
        report.filled += sum(not result.duplicate for result in results)
    platform_orders.save(comparison.inbox, (one.stored for one in counted if one.stored))
