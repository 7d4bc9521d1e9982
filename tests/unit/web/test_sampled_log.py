"""Lines that anyone can cause: the first in full, then one count a minute."""

from __future__ import annotations

from structlog.testing import capture_logs

from webhook_app.web.sampled_log import Kind, SampledLog


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


FORGED, PING = Kind("request_refused", "acme", 401, "signature_mismatch"), Kind("ping_received", "acme")


def test_first_is_logged_and_the_others_are_counted() -> None:
    """A million forged requests in an hour are 61 lines at the most."""
    clock = Clock()
    with capture_logs() as lines:
        log = SampledLog(clock)
        for _ in range(36_000):  # ten a second, for an hour
            clock.now += 0.1
            log.add("warning", "webhook_rejected", FORGED, shop="acme", hint="x")
            log.flush()
    assert lines[0] == {"event": "webhook_rejected", "shop": "acme", "hint": "x", "log_level": "warning"}
    assert len(lines) <= 61
    assert {line["event"] for line in lines[1:]} == {"request_refused"}
    assert 590 <= lines[1]["count"] <= 601
    assert sum(line["count"] for line in lines[1:]) >= 35_000


def test_kinds_are_counted_apart_and_forgotten() -> None:
    """Another kind has its own first line, and so has the same kind after a quiet minute."""
    clock = Clock()
    with capture_logs() as lines:
        log = SampledLog(clock)
        for kind in (FORGED, PING, FORGED, FORGED):
            log.add("info", kind.event, kind)
        clock.now += 61
        log.flush()
        clock.now += 61
        log.flush()
        log.add("info", FORGED.event, FORGED)
    assert [(line["event"], line.get("count")) for line in lines] == [
        ("request_refused", None),
        ("ping_received", None),
        ("request_refused", 2),
        ("request_refused", None),
    ]


def test_rest_is_logged_at_the_end() -> None:
    """What was counted before a process stops is not lost."""
    with capture_logs() as lines:
        log = SampledLog()
        log.start()
        for _ in range(3):
            log.add("info", PING.event, PING)
        log.close()
    assert [line.get("count") for line in lines] == [None, 2]
