"""An outage is a line a minute, and one when it is over."""

from __future__ import annotations

from structlog.testing import capture_logs

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.outage_log import OutageLog


def test_an_outage_is_a_line_a_minute() -> None:
    """However often it is tried; another reason is logged immediately, the end once."""
    now = [0.0]
    outages = OutageLog(lambda: now[0])
    full = StoreUnavailableError("database or disk is full", advice="Free some space.")
    with capture_logs() as lines:
        outages.ended()
        for _ in range(181):
            outages.failed(full, unsettled=3)
            now[0] += 1
        for _ in range(9):
            outages.failed(StoreUnavailableError("no such table: deliveries"))
            outages.failed(full, unsettled=3)
        outages.ended()
        outages.ended()
    assert [line["event"] for line in lines] == ["store_unavailable"] * 5 + ["store_available"]
    assert (lines[0]["error"], lines[0]["hint"], lines[0]["unsettled"]) == (str(full), "Free some space.", 3)
