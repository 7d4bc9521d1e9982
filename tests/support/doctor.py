"""Runs the command doctor and reads its findings."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from webhook_app.cli import main
from webhook_app.inbox import Inbox
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind, record
from webhook_app.inbox.shop_records.feed_check_results import FeedCheckResult, TemplateTrial
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Examine = Callable[..., list[dict[str, str]]]


SECRET = "a-secret-of-its-own-1"


SHOPS = f"""
[shops.acme]
platform = "shopify"
secrets = ["{SECRET}"]
instance_key = "1234abcd"
profile_salt = "a-salt"
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def examined(*arguments: str) -> list[dict[str, str]]:
    """Run the command and return its findings, after checking what holds for all of them."""
    result = run(*arguments, "--json")
    findings = [json.loads(line) for line in result.output.splitlines()]
    assert result.exit_code == any(one["severity"] == "error" for one in findings), result.output
    assert all(one["advice"] for one in findings if one["severity"] in ("warning", "error"))
    assert SECRET not in result.output
    return findings


def findings_of(findings: list[dict[str, str]], check: str) -> list[tuple[str, str]]:
    return [(one["severity"], one["text"]) for one in findings if one["check"] == check]


def finding_of(findings: list[dict[str, str]], check: str) -> tuple[str, str]:
    [found] = findings_of(findings, check)
    return found


def saw(inbox: Inbox, name: str, kind: ActivityKind = ActivityKind.TOPIC, count: int = 1) -> None:
    """Record received webhooks by their topic, or by another name, as a web process does."""
    now = inbox.clock()
    record(inbox, [ActivityCount("acme", "shopify", kind, name, count, now, now)])


@contextmanager
def listening(inbox: Inbox) -> Iterator[None]:
    """Listen for notifications of the same database, as a worker does."""
    address = inbox.database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with closing(Inbox(address)) as worker:
        worker.wakeups.wait(0.01)
        yield


def match(**changed: Any) -> FeedCheckResult:
    values: dict[str, Any] = {
        "shop": "acme",
        "at": now_ms() - 7_200_000,
        "feed": "feed.xml",
        "items": 9,
        "days": 7,
        "template": "{product_id}",
        "sent": 100,
        "sent_found": 50,
        "keys": 10,
        "keys_found": 5,
        "misses": ("1",),
        "lines": 10,
        "trials": (TemplateTrial("{sku}", 9), TemplateTrial("{product_id}", 5)),
    }
    return FeedCheckResult(**{**values, **changed})
