"""All checks together, and the output of the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.deliveries import arrival, claim_one, settle
from tests.support.doctor import SECRET, SHOPS, finding_of, findings_of, listening, match, run, saw
from tests.support.recordings import ORDER
from webhook_app import doctor as health_checks
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.shop_records import feed_check_results
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from tests.conftest import Clock
    from tests.support.doctor import Examine


def test_healthy_receiver_has_no_warnings(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """With a listening worker, delivered orders and keys in the feed, every finding is ok or info."""
    clock.now = now_ms() - 60_000
    for topic in ("orders/create", "orders/paid", "orders/updated"):
        inbox.store(arrival(topic, topic=topic, body=ORDER.body))
        saw(inbox, topic)
        settle(inbox, claim_one(inbox), State.DELIVERED, attempted=True)
    feed_check_results.save(inbox, [match(sent_found=100)])
    with listening(inbox):
        findings = examine()
    assert {one["severity"] for one in findings} <= {"ok", "info"}
    assert {"clock", "workers", "feed", "product key", "instance key", "events"} <= {one["check"] for one in findings}
    for check in ("database", "secrets", "clock", "workers", "breaker", "events", "product key", "feed"):
        assert finding_of(findings, check)[0] == "ok", check


def test_text_output(plain: Examine) -> None:
    """As text: severity, check and sentence, the remedy below, the sum at the end."""
    result = run()
    assert result.exit_code == 0
    assert "warning  events         No webhook was ever received from acme." in result.output
    assert "send-sample" in result.output
    assert result.output.rstrip().endswith("warnings.")
    assert "0 errors" in result.output


def test_many_shops_with_one_cause_are_one_line(plain: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere; a program gets each of them."""
    names = [f"shop-{number}" for number in range(50)]
    monkeypatch.setenv("SHOPS", "".join(SHOPS.replace("acme", name).replace(SECRET, SECRET + name) for name in names))
    assert len(findings_of(plain(), "events")) >= 50
    output = run().output
    assert "warning  events         50 shops: no webhook was ever received." in output
    assert len([line for line in output.splitlines() if "shop-7" in line]) < 10
    assert len(output.splitlines()) < 60


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--shop=unknown"], "there are acme"), (["--url=events.example.com"], "https://")]
)
def test_wrong_use_exits_with_2(plain: Examine, arguments: list[str], words: str) -> None:
    """Exit code 2, with what would have been right."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize(
    "check", [*health_checks.CHECKS, *health_checks.INBOX_CHECKS], ids=lambda check: check.__name__
)
def test_every_check_has_a_docstring(check: Any) -> None:
    """One check is one function with a sentence."""
    assert check.__doc__
