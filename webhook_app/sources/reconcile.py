"""Compares each shop's orders with the platform's own list, again and again, and fetches what is missing.

Windows go by the dates of the orders: the watermark is that of the newest change that was compared, so that no clock
that is wrong, of this side or of a proxy before the platform, leaves an order out. A comparison that did not finish
moves no watermark.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from webhook_app import logs
from webhook_app.errors import SourceError, StoreUnavailableError
from webhook_app.inbox.shop_records import reconciliations
from webhook_app.inbox.shop_records.reconciliations import Lease, Reconciliation, ReconciliationState
from webhook_app.sources import all_sources, own_webhooks, rounds
from webhook_app.sources.base import USUAL_RATE, Window
from webhook_app.sources.comparison import Comparison
from webhook_app.time_units import DAY, FUTURE, HOUR, MINUTE

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform
    from webhook_app.sources.base import Connection
    from webhook_app.sources.rounds import Report
    from webhook_app.translation.translate import AgeLimits

CHANGES, WHOLE = "changes", "whole"
OVERLAP = 10 * MINUTE  # of two windows: an order may become visible some time after the date that it bears
NIGHT = range(1, 5)  # hours in UTC in which all orders are compared
NIGHTLY_AFTER = 20 * HOUR
LEASE = 240.0  # seconds; renewed while pages are compared
LOOK_EVERY = 10.0  # seconds between two looks at which shop is due
FIRST_RETRY = 30.0  # seconds; doubled each time, up to the usual interval
MOST_DOUBLINGS = 10


class StoppedError(Exception):
    """The process ends, or another one has taken the lease: leave everything as it is."""


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
        state = replace(state, tried_at=self._inbox.clock())
        began, report = time.monotonic(), None
        window, before = Window(0), 0
        kind = WHOLE if self._whole_is_due(state) else CHANGES
        try:
            connection = self._connection(shop)
            before = connection.now() - int(self._plan.grace * 1000)
            window = self._window(kind, state, before)
            report = self._compare(connection, shop, window, before, stopped)
            webhooks = own_webhooks.look(connection, shop)
        except (StoppedError, StoreUnavailableError):
            raise
        except Exception as unexpected:  # noqa: BLE001 - a bug must not end the comparisons of other shops
            error = unexpected if isinstance(unexpected, SourceError) else self._internal(unexpected)
            failed = replace(state, failures=state.failures + 1, error=error.reason, detail=str(error))
            return self._failed(failed, _result(shop, kind, window, before, began, self._inbox, report, error))
        result = _result(shop, kind, window, before, began, self._inbox, report, None)
        state = replace(state, watermark=_watermark(state, report, window, before))
        self._finished(replace(state, webhooks=state.webhooks if webhooks is None else webhooks), result)
        return Round(result, report)

    def _internal(self, error: Exception) -> SourceError:
        """Log a bug, and return it as the error of a comparison."""
        self._log.exception("unexpected_error")
        return SourceError("internal_error", f"Internal error: {logs.describe(error)}. Please report it.")

    def _compare(
        self, connection: Connection, shop: Shop, window: Window, before: int, stopped: Callable[[], bool]
    ) -> Report:
        def after_page(_: Report) -> None:
            if stopped() or not self._lease.is_held():
                raise StoppedError

        comparison = Comparison(self._inbox, shop, self._platforms, self._plan.ages)
        return rounds.run(connection, comparison, window, before, after_page=after_page)

    def _whole_is_due(self, state: ReconciliationState) -> bool:
        if state.watermark is None or state.whole_at is None:
            return True
        now, age = state.tried_at, state.tried_at - state.whole_at
        at_night = datetime.fromtimestamp(now / 1000, UTC).hour in NIGHT
        return age >= DAY or age < -FUTURE or (at_night and age >= NIGHTLY_AFTER)

    def _window(self, kind: str, state: ReconciliationState, before: int) -> Window:
        if kind == WHOLE or state.watermark is None:
            grace = int(self._plan.grace * 1000)
            return Window(before + grace - int(self._plan.ages.max_order_age * 1000))
        # `before` is older than the watermark if the platform's clock was put back.
        return Window(min(state.watermark, before) - OVERLAP, by_change=True)

    def _finished(self, state: ReconciliationState, result: Reconciliation) -> None:
        """Store the result, unless another process has taken the lease."""
        after = replace(
            state,
            whole_at=state.tried_at if result.kind == WHOLE else state.whole_at,
            complete_at=result.ended_at,
            failures=0,
            error="",
            detail="",
            missing=result.missing,
            missing_total=state.missing_total + result.missing,
        )
        self._save(after, result)
        self._log.info(
            "reconciliation_completed",
            shop=result.shop,
            kind=result.kind,
            listed=result.listed,
            missing=result.missing,
            filled=result.filled,
            ms=result.took,
        )

    def _save(self, state: ReconciliationState, result: Reconciliation) -> None:
        if not self._lease.renew():
            raise StoppedError
        reconciliations.save(self._inbox, state, result)

    def _failed(self, state: ReconciliationState, result: Reconciliation) -> Round:
        self._save(state, result)
        self._log.warning(
            "reconciliation_failed",
            shop=state.shop,
            reason=state.error,
            hint=state.detail,
            failures=state.failures,
        )
        return Round(result, None)

    def _connection(self, shop: Shop) -> Connection:
        """Return the shop's connection, which stays open for its token and what it learned of the host."""
        of, connection = self._connections.get(shop.name, (None, None))
        if of != shop or connection is None:  # also one with new credentials
            connection = all_sources()[shop.platform].connect(shop, self._rate)
            self._connections[shop.name] = shop, connection
        return connection


def _watermark(state: ReconciliationState, report: Report, window: Window, before: int) -> int:
    """Return the date of the newest change that was compared, or from which on nothing changed.

    It moves back to `before` if the platform's clock was put back: what follows is dated from there.
    """
    dates = (state.watermark, report.newest, window.since)
    return min(max(one for one in dates if one is not None), before)


def _result(  # noqa: PLR0913, PLR0917 - the figures of a comparison
    shop: Shop,
    kind: str,
    window: Window,
    before: int,
    began: float,
    inbox: Inbox,
    report: Report | None,
    error: SourceError | None,
) -> Reconciliation:
    found = report or rounds.Report()
    return Reconciliation(
        shop=shop.name,
        kind=kind,
        since=window.since,
        until=before,
        ended_at=inbox.clock(),
        took=int((time.monotonic() - began) * 1000),
        listed=found.listed,
        received=found.received,
        waiting=found.waiting,
        missing=found.missing,
        filled=found.filled,
        error=error.reason if error else "",
        detail=str(error) if error else "",
    )
