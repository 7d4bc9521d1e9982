"""`mute`: hides what needs attention, for a time or until it is over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.health import health_of
from webhook_app.inbox.operations import audit_log, muted_findings, operator_actions
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox


def wrong(run: Run) -> list[str]:
    return [text for text in json.loads(run("status", "--json").output)["wrong"] if "dead" in text]


def test_muted_findings_are_not_wrong(run: Run, dead: Inbox) -> None:
    """By name or its beginning, until --end; each time it is an audit event."""
    assert "dead acme" in run("mute").output.splitlines()
    assert len(wrong(run)) == 1
    for name in ("dead", "dead acme"):
        assert run("mute", name, "--for", "8h").exit_code == 0
        assert wrong(run) == []
        assert "dead acme until 20" in run("status").output
        assert run("mute", name, "--end").exit_code == 0
        assert len(wrong(run)) == 1
    assert {one.action for one in audit_log.newest(dead)} == {"mute", "unmute"}


@pytest.mark.engines("sqlite")
def test_unknown_name_lists_the_names(run: Run, dead: Inbox) -> None:
    """A name that is only a part of another one is unknown too."""
    result = run("mute", "dea")
    assert result.exit_code == 1
    assert "dead acme" in result.output


@pytest.mark.engines("sqlite")
def test_what_is_over_is_muted_no_more(run: Run, dead: Inbox) -> None:
    """What was muted until it is over is shown when it comes back."""
    assert run("mute", "dead acme").exit_code == 0
    health = health_of(dead)
    assert [one.muted for one in health.findings() if one.check == "dead"] == ["until it is over"]
    operator_actions.discard(dead, [1, 2], "discarded")
    health.expire()
    assert not [one for one in health.findings() if one.check == "dead"]
    assert muted_findings.muted(dead) == {}


@pytest.mark.engines("sqlite")
def test_what_is_muted_anew_stays_muted(dead: Inbox) -> None:
    """Someone mutes a finding for a time while another process evaluates that it is over."""
    event = audit_log.AuditEvent(audit_log.AuditAction.MUTE, "")
    muted_findings.mute(dead, ["dead acme"], None, event)
    known, until = muted_findings.muted(dead), dead.clock() + HOUR
    muted_findings.mute(dead, ["dead acme"], until, event)
    muted_findings.forget_over(dead, known, ())
    assert muted_findings.muted(dead) == {"dead acme": until}
