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


def test_a_disk_stays_full_until_something_is_written() -> None:
    """That a read succeeds is no end of it, and no new line: an idle worker reads."""
    outages = OutageLog(lambda: 0.0)
    with capture_logs() as lines:
        for _ in range(3):
            outages.failed(StoreUnavailableError("database or disk is full"))
            outages.ended(wrote=False)
        outages.failed(StoreUnavailableError("the connection was closed"))
        outages.ended(wrote=False)
        outages.ended()
    assert [(line["event"], line.get("error") or line["after"]) for line in lines] == [
        ("store_unavailable", "database or disk is full"),
        ("store_unavailable", "the connection was closed"),
        ("store_available", "the connection was closed"),
        ("store_available", "database or disk is full"),
    ]


def test_threads_of_a_worker_share_a_line() -> None:
    """Nothing that waits to be settled is not worth a line of its own."""
    outages = OutageLog(lambda: 0.0)
    with capture_logs() as lines:
        outages.failed(StoreUnavailableError("away"))
        outages.failed(StoreUnavailableError("away"), unsettled=0)
        outages.failed(StoreUnavailableError("away"), unsettled=2)
    assert [line.get("unsettled") for line in lines] == [None, 2]
