"""Logging: one format for the receiver and its libraries, and nothing of a request. Read from real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.processes import ROOT
from webhook_app import logs
from webhook_app.inbox import State

SENT = "jan@example.test"
OURS, LIBRARY = 'structlog.get_logger("ours")', 'logging.getLogger("gunicorn.error")'


def lines(*statements: str) -> list[dict[str, Any]]:
    """The log lines of a process that configures logging and runs the statements."""
    start = ["import logging, structlog", "from webhook_app import logs", "logs.configure('INFO', 'json')"]
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join([*start, *statements])], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == ""
    return [json.loads(line) for line in ran.stderr.splitlines()]


@pytest.mark.process
@pytest.mark.parametrize("log", [OURS, LIBRARY])
def test_exception_is_named_without_its_message(log: str) -> None:
    """An exception is logged by type and place: its message may quote a request."""
    [line] = lines("try:", f"    int('{SENT}')", "except ValueError:", f"    {log}.exception('something_failed')")
    assert line["event"] == "something_failed"
    assert line["error"] == "ValueError at <string>:5"
    assert SENT not in str(line)


@pytest.mark.process
@pytest.mark.parametrize(
    ("sentence", "logged"),
    [
        (f"Invalid request from ip=192.0.2.1: Invalid HTTP Header: {SENT}", "Invalid request"),
        (f"Error handling request /webhooks/shopify/a?email={SENT}", "Error handling request"),
        ("Worker exiting (pid: 7)", "Worker exiting (pid: 7)"),
    ],
)
def test_quotes_of_requests_are_cut_off(sentence: str, logged: str) -> None:
    """Gunicorn's lines are logged without headers, paths and addresses."""
    assert [line["event"] for line in lines(f"{LIBRARY}.warning({sentence!r})")] == [logged]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"shop": "acme", "attempt": 1, "ms": 0.5, "topic": "orders/create", "state": State.DELIVERED},
        {"hint": "two words", "a": "x=1", "b": "it's", "c": 'say "x"', "d": "", "e": "a\nb", "f": "a\tb", "g": "\r"},
        {"seconds": None, "ok": True, "ids": [1, "b"], "error": ValueError("x")},
    ],
)
@pytest.mark.parametrize("name", ["delivery", "a_longer_name_than_the_column"])
def test_plain_line_is_what_structlog_writes(name: str, values: dict[str, Any]) -> None:
    """The line without colours is the same as structlog's."""
    event = {"timestamp": "2026-11-24T09:00:00Z", "level": "warning", "event": name, **values}
    theirs = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=logs.WIDTH)
    assert logs.plain(None, "warning", dict(event)) == theirs(None, "warning", dict(event))


@pytest.mark.process
def test_absent_values_are_left_out() -> None:
    """Names whose value is None are left out."""
    [line] = lines(f"{OURS}.info('delivery', reason=None, attempt=1)")
    assert (line["attempt"], line["level"]) == (1, "info")
    assert "reason" not in line


@pytest.mark.process
def test_level() -> None:
    """Lines below LOG_LEVEL are not written."""
    assert lines(f"{OURS}.debug('detail')", f"{LIBRARY}.debug('detail')") == []


@pytest.mark.process
def test_full_disk_loses_only_the_line() -> None:
    """When standard error is a file on a full disk, logging raises nothing."""
    code = "from webhook_app import logs; logs.configure('INFO', 'json'); logs.logger().error('lost'); print('goes on')"
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=full, check=False)
    assert ran.stdout == b"goes on\n"


def test_libraries_are_not_logged_in_detail() -> None:
    """At debug level they write addresses with their queries, and gunicorn all its settings."""
    configured = logs.as_dict("DEBUG", "json")
    assert configured["root"]["level"] == configured["loggers"]["gunicorn.error"]["level"] == "INFO"
    assert logs.as_dict("ERROR", "json")["root"]["level"] == "ERROR"
