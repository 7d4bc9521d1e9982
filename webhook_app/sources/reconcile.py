"""Compares each shop's orders with the platform's own list, again and again, and fetches what is missing.

Windows go by the dates of the orders: the watermark is that of the newest change that was compared, so that no clock
that is wrong, of this side or of a proxy before the platform, leaves an order out. A comparison that did not finish
moves no watermark.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from webhook_app import logs
from webhook_app.errors import SourceError, StoreUnavailableError
from webhook_app.inbox.shop_records import reconciliations
from webhook_app.inbox.shop_records.reconciliations import Lease, ReconciliationState
from webhook_app.sources import all_sources, own_webhooks, rounds
from webhook_app.sources.attempt import CHANGES, WHOLE, Attempt, StoppedError
from webhook_app.sources.base import USUAL_RATE, Window
from webhook_app.sources.comparison import Comparison
from webhook_app.time_units import DAY, FUTURE, HOUR, MINUTE

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.shop_records.reconciliations import Reconciliation
    from webhook_app.platforms.base import Platform
    from webhook_app.sources.base import Connection
    from webhook_app.sources.rounds import Report
    from webhook_app.translation.translate import AgeLimits

OVERLAP = 10 * MINUTE  # of two windows: an order may become visible some time after the date that it bears
NIGHT = range(1, 5)  # hours in UTC in which all orders are compared
NIGHTLY_AFTER = 20 * HOUR
LEASE = 240.0  # seconds; renewed while pages are compared
LOOK_EVERY = 10.0  # seconds between two looks at which shop is due
FIRST_RETRY = 30.0  # seconds; doubled each time, up to the usual interval
MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """RECONCILE_EVERY and RECONCILE_GRACE in seconds, for how old orders may be, and how long rows are stored."""

    every: float
    grace: float
    ages: AgeLimits


class Round(NamedTuple):
    """The result of one comparison: what was stored, and the whole report where it finished."""

    result: Reconciliation
    report: Report | None


class Reconciler:
    """The comparisons of one process. Only one process at a time does them."""

    def __init__(
        self,
        inbox: Inbox,
        shops: Callable[[], Mapping[str, Shop]],
        platforms: Mapping[str, Platform],
        plan: Plan,
        rate: float = USUAL_RATE,
    ) -> None:
        """`shops` returns the shops as they are now; those without `api` are left out.

        `rate` is in requests a second and shop.
        """
        self._inbox, self._platforms, self._plan, self._rate = inbox, platforms, plan, rate
        self._shops = shops
        self._connections: dict[str, tuple[Shop, Connection]] = {}
        self._lease = Lease(inbox, LEASE)
        self._log = logs.logger()

    def run(self, stopping: threading.Event) -> None:
        """Compare each shop when it is due, until `stopping`."""
        while not stopping.wait(LOOK_EVERY * random.uniform(0.5, 1.5)):  # noqa: S311 - spreads load
            try:
                self.once(stopping.is_set)
            except StoreUnavailableError as error:
                self._inbox.outages.failed(error)

    def once(self, stopped: Callable[[], bool] = lambda: False, only: str | None = None) -> list[Round]:
        """Compare the shops that are due, or the one named `only` whether it is due or not.

        Returns what was done; nothing while another process compares. Raises StoreUnavailableError.
        """
        shops = {name: one for name, one in self._shops().items() if one.api and one.platform in all_sources()}
        states = reconciliations.states(self._inbox)
        now = self._inbox.clock()
        due = [name for name in shops if name == only or (only is None and self._is_due(states.get(name), now))]
        if not due or not self._lease.take():
            return []
        done: list[Round] = []
        with suppress(StoppedError):
            try:
                due.sort(key=lambda name: states[name].tried_at if name in states else 0)
                done.extend(self._one(shops[name], stopped) for name in due)
            finally:
                self._lease.release()
        return done

    def _is_due(self, state: ReconciliationState | None, now: int) -> bool:
        """Return whether a shop is due; a date in the future was written before the clock was put back."""
        if state is None or state.tried_at > now + MINUTE:
            return True
        wait = self._plan.every
        if state.failures:
            wait = min(FIRST_RETRY * 2.0 ** min(state.failures - 1, MOST_DOUBLINGS), wait)
        return now - state.tried_at >= wait * 1000

    def _one(self, shop: Shop, stopped: Callable[[], bool]) -> Round:
        # Read under the lease: another process may just have finished.
        state = reconciliations.states(self._inbox).get(shop.name) or ReconciliationState(shop.name)
        now = self._inbox.clock()
        attempt = Attempt(self._inbox, self._lease, state, self._kind(state, now), now)
        try:
            self._compare(attempt, shop, stopped)
        except (StoppedError, StoreUnavailableError):
            raise
        except Exception as unexpected:  # noqa: BLE001 - a bug must not end the comparisons of other shops
            error = unexpected if isinstance(unexpected, SourceError) else self._internal(unexpected)
            return self._failed(attempt, error)
        return self._finished(attempt)

    def _internal(self, error: Exception) -> SourceError:
        """Log a bug, and return it as the error of a comparison."""
        self._log.exception("unexpected_error")
        return SourceError("internal_error", f"Internal error: {logs.describe(error)}. Please report it.")

    def _compare(self, attempt: Attempt, shop: Shop, stopped: Callable[[], bool]) -> None:
        def after_page(report: Report) -> None:
            attempt.compared(report)
            if stopped() or not self._lease.is_held():
                raise StoppedError

        connection = self._connection(shop)
        # First: what is enabled again sends what changes while orders are compared, and a list that fails hides none.
        attempt.saw_webhooks(own_webhooks.look(connection, shop))
        attempt.before = connection.now() - int(self._plan.grace * 1000)
        attempt.window = self._window(attempt)
        comparison = Comparison(self._inbox, shop, self._platforms, self._plan.ages)
        attempt.report = rounds.run(connection, comparison, attempt.window, attempt.before, after_page=after_page)

    def _kind(self, state: ReconciliationState, now: int) -> str:
        if state.watermark is None or state.whole_at is None:
            return WHOLE
        age = now - state.whole_at
        at_night = datetime.fromtimestamp(now / 1000, UTC).hour in NIGHT
        return WHOLE if age >= DAY or age < -FUTURE or (at_night and age >= NIGHTLY_AFTER) else CHANGES

    def _window(self, attempt: Attempt) -> Window:
        watermark, before = attempt.state.watermark, attempt.before
        if attempt.kind == WHOLE or watermark is None:
            grace = int(self._plan.grace * 1000)
            return Window(before + grace - int(self._plan.ages.max_order_age * 1000))
        # `before` is older than the watermark if the platform's clock was put back.
        return Window(min(watermark, before) - OVERLAP, by_change=True)

    def _finished(self, attempt: Attempt) -> Round:
        result = attempt.complete()
        self._log.info(
            "reconciliation_completed",
            shop=result.shop,
            kind=result.kind,
            listed=result.listed,
            missing=result.missing,
            filled=result.filled,
            ms=result.took,
        )
        return Round(result, attempt.report)

    def _failed(self, attempt: Attempt, error: SourceError) -> Round:
        result = attempt.failed(error)
        self._log.warning(
            "reconciliation_failed",
            shop=result.shop,
            reason=result.error,
            hint=result.detail,
            failures=attempt.state.failures,
        )
        return Round(result, None)

    def _connection(self, shop: Shop) -> Connection:
        """Return the shop's connection, which stays open for its token and what it learned of the host."""
        of, connection = self._connections.get(shop.name, (None, None))
        if of != shop or connection is None:  # also one with new credentials
            connection = all_sources()[shop.platform].connect(shop, self._rate)
            self._connections[shop.name] = shop, connection
        return connection
