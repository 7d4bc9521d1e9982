"""Checks that what was erased on request is in no file any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.formatting import duration
from webhook_app.health import thresholds
from webhook_app.health.check import Check
from webhook_app.health.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.health.measurements import Measurements

ADVICE = (
    "End what has been reading the database for long: a backup, a `list` or a query that does not end. A worker "
    "must run; it tries again by itself, and logs erasure_delayed meanwhile."
)


def erasure(measured: Measurements) -> Iterator[Finding]:
    """Report shops whose erased personal data is still in a file of the database."""
    for shop, since in measured.erasing.items():
        waits = measured.now - since
        severity = Severity.ERROR if waits > thresholds.ERASURE_ERROR else Severity.WARNING
        text = f"{shop}: personal data that was erased {duration(waits)} ago is still in a file of the database."
        summary = "erased personal data is still in a file of the database"
        yield Finding("erasure", severity, text, ADVICE, shop, "", summary, alerts=True)


CHECKS = (Check("erasure", erasure),)
