"""One attempt to compare a shop's orders, which stores what it finds as it goes.

The next attempt does not find it again: orders that were fetched are no longer missing, and a webhook that was enabled
is active. So what is found is counted at once, whatever ends the attempt, and is shown for long enough to be reported.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.shop_records import reconciliations
from webhook_app.inbox.shop_records.reconciliations import LASTING, REFUSED, Reconciliation
from webhook_app.sources.base import Window
from webhook_app.sources.rounds import Report
from webhook_app.time_units import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.errors import SourceError
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.shop_records.reconciliations import Lease, ReconciliationState, WebhookStatus

CHANGES, WHOLE = "changes", "whole"
SHOWN_FOR = 3 * MINUTE  # at least: alert rules are evaluated once a minute, or later while messages are sent


class StoppedError(Exception):
    """The process ends, or another one has taken the lease: leave everything as it is."""


@dataclass(slots=True)
class Attempt:
    """The attempt of the process that holds `lease`; `state` is the shop's as the database has it.

    `window` is compared up to `before`, as far as `report` has it.
    """

    inbox: Inbox
    lease: Lease
    state: ReconciliationState
    kind: str
    at: int
    window: Window = field(default_factory=lambda: Window(0))
    before: int = 0
    report: Report = field(default_factory=Report)
    began: float = field(default_factory=time.monotonic)
    _counted: int = 0

    def saw_webhooks(self, found: Sequence[WebhookStatus] | None) -> None:
        """Store how the shop's webhooks are, unless the API does not show them. Raises StoreUnavailableError."""
        if found is None:
            return
        now = self.inbox.clock()
        if any(one.repaired for one in found):
            self._save(replace(self.state, webhooks=found, noticed_at=now))
        elif not _was_shown(self.state, now):
            repaired = {one.topic: one for one in self.state.webhooks if one.repaired}
            found = [repaired.get(one.topic, one) if one.is_active else one for one in found]
        self.state = replace(self.state, webhooks=found)

    def compared(self, report: Report) -> None:
        """Store how many orders were missing so far. Raises StoppedError and StoreUnavailableError."""
        self.report = report
        more = report.missing - self._counted
        if more:
            self._counted = report.missing
            unfinished, total = (self.state.unfinished or 0) + more, self.state.missing_total + more
            now = self.inbox.clock()
            self._save(replace(self.state, unfinished=unfinished, missing_total=total, noticed_at=now))

    def complete(self) -> Reconciliation:
        """Store the result of a comparison that is complete. Raises StoppedError and StoreUnavailableError."""
        result = self._result()
        state = self._with_missing(result.ended_at)
        if state.missing and not self.report.missing and self._has_recovered(state, result.ended_at):
            state = replace(state, missing=0)
        whole_at = self.at if self.kind == WHOLE else state.whole_at
        self._end(replace(state, watermark=self._watermark(), whole_at=whole_at, complete_at=result.ended_at), result)
        return result

    def failed(self, error: SourceError) -> Reconciliation:
        """Store why the comparison was not complete. Raises StoppedError and StoreUnavailableError."""
        result = self._result(error)
        state = self._with_missing(result.ended_at)
        # A refusal that lasts is not over because the platform does not answer for once.
        lasts = state.error in REFUSED and state.failures >= LASTING and error.reason not in REFUSED
        reason, detail = (state.error, state.detail) if lasts else (error.reason, str(error))
        self._end(replace(state, error=reason, detail=detail), result, state.failures + 1)
        return result

    def _with_missing(self, now: int) -> ReconciliationState:
        """Return the state with the missing orders of this attempt, and of one before that was interrupted."""
        state = self.state
        if not state.unfinished:
            return state
        return replace(state, missing=state.missing + state.unfinished, unfinished=None, noticed_at=now)

    def _has_recovered(self, state: ReconciliationState, now: int) -> bool:
        """Return whether webhooks work again: they are active as far as is known, or one arrived.

        One that this attempt enabled did not work until now. What cannot be seen to work is taken for working after a
        day. A loss that goes on, of an order now and then, is so one problem that lasts, not one with each order.
        """
        if not _was_shown(state, now):
            return False
        since = state.noticed_at or 0
        if state.webhooks and all(one.works for one in state.webhooks):
            return True
        arrived = activity.last_seen(self.inbox, ActivityKind.TOPIC, state.shop)
        return now - since > DAY or any(one.last_at > since for one in arrived)

    def _watermark(self) -> int:
        """Return the date of the newest change that was compared, or from which on nothing changed.

        It moves back to `before` if the platform's clock was put back: what follows is dated from there.
        """
        dates = (self.state.watermark, self.report.newest, self.window.since)
        return min(max(one for one in dates if one is not None), self.before)

    def _end(self, state: ReconciliationState, result: Reconciliation, failures: int = 0) -> None:
        if not failures:
            state = replace(state, error="", detail="")
        self._save(replace(state, tried_at=self.at, failures=failures), result)

    def _save(self, state: ReconciliationState, result: Reconciliation | None = None) -> None:
        """Store the state, unless another process has taken the lease."""
        if not self.lease.renew():
            raise StoppedError
        reconciliations.save(self.inbox, state, result)
        self.state = state

    def _result(self, error: SourceError | None = None) -> Reconciliation:
        found = self.report
        return Reconciliation(
            shop=self.state.shop,
            kind=self.kind,
            since=self.window.since,
            until=self.before,
            ended_at=self.inbox.clock(),
            took=int((time.monotonic() - self.began) * 1000),
            listed=found.listed,
            received=found.received,
            waiting=found.waiting,
            missing=found.missing,
            filled=found.filled,
            error=error.reason if error else "",
            detail=str(error) if error else "",
        )


def _was_shown(state: ReconciliationState, now: int) -> bool:
    """Return whether what was noticed was shown for long enough; a date in the future is of a clock that was wrong."""
    return not 0 <= now - (state.noticed_at or 0) < SHOWN_FOR
