"""Evaluates every check once, and shares the findings of a process for a few seconds."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from webhook_app.errors import StoreUnavailableError
from webhook_app.health import checks
from webhook_app.health.finding import Finding, Severity
from webhook_app.health.measure import measure
from webhook_app.inbox.operations import muted_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from webhook_app.health.check import Check
    from webhook_app.health.measure import Subject
    from webhook_app.health.measurements import Measurements

VALID_FOR = 5.0  # seconds


def findings(measured: Measurements, of: Iterable[Check] = checks.ALL) -> Iterator[Finding]:
    """Yield the findings of every check that can be made, ok ones too."""
    for check in of:
        if check.needs_database and not measured.database.is_usable:
            continue
        found = list(check.find(measured))
        if not found and check.fine:
            yield Finding(check.name, Severity.OK, check.fine)
        yield from (_with_muting(one, measured) for one in found)


def _with_muting(finding: Finding, measured: Measurements) -> Finding:
    if finding.name not in measured.muted:
        return finding
    return replace(finding, is_muted=True, muted_until=measured.muted[finding.name])


class Health:
    """The findings of one process. Its methods may be called from any thread."""

    def __init__(self, subject: Subject, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is measured before findings() is called; `clock` is in seconds."""
        self._subject, self._clock = subject, clock
        self._lock, self._valid_until = threading.Lock(), float("-inf")
        self._measured: Measurements | None = None
        self._findings: tuple[Finding, ...] = ()
        self._seen = 0

    def findings(self) -> tuple[Finding, ...]:
        """Return the latest findings; callers that arrive during an evaluation wait for it."""
        with self._lock:
            if self._clock() >= self._valid_until:
                self._measured = measure(self._subject)
                self._findings = tuple(findings(self._measured))
                self._forget_muted(self._measured)
                self._valid_until = self._clock() + VALID_FOR
            return self._findings

    def expire(self) -> None:
        """Evaluate anew the next time: something was changed."""
        with self._lock:
            self._valid_until = float("-inf")

    def follow(self, seen: int) -> None:
        """Evaluate anew the next time if `seen`, how many things were ever seen, is another number than before."""
        with self._lock:
            if seen != self._seen:
                self._seen, self._valid_until = seen, float("-inf")

    def _forget_muted(self, measured: Measurements) -> None:
        """Show a finding that is over again when it comes back, if it was muted only until then."""
        if measured.database.is_usable:
            with suppress(StoreUnavailableError):
                names = {one.name for one in self._findings if one.is_problem}
                muted_findings.forget_over(self._subject.inbox, measured.muted, names)

    def evaluate(self) -> tuple[Finding, ...]:
        """Return the findings of this moment. Raises StoreUnavailableError where the inbox cannot be read."""
        self.expire()
        found = self.findings()
        if self._measured and not self._measured.database.is_usable:
            raise StoreUnavailableError(self._measured.database.failure or "the database is not migrated")
        return found
