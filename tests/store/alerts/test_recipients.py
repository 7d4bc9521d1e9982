"""Addresses for alerts other than HTTP: e-mail, chats and PagerDuty, with apprise."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import apprise
import pytest
from apprise.plugins import discord, pagerduty, slack
from apprise.plugins.base import NotifyBase
from structlog.testing import capture_logs

from tests.support import processes
from tests.support.certificates import make_certificate
from tests.support.collector import Collector
from tests.support.health import known
from tests.support.smtp import MailServer
from webhook_app.alerts import recipients
from webhook_app.alerts.apprise_sender import AppriseSender
from webhook_app.alerts.messages import BEGAN, DIGEST, OVER, AlertMessage
from webhook_app.alerts.notifier import Notifier
from webhook_app.config import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "s3cretpassword"


@pytest.fixture
def posts() -> Iterator[Collector]:
    """A server that accepts every POST."""
    with closing(Collector()) as collector:
        yield collector


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise waits seconds between two messages to the same service."""
    monkeypatch.setattr(NotifyBase, "request_rate_per_sec", 0)


def message(kind: str = BEGAN, text: str = "acme: an event waits.", **values: Any) -> AlertMessage:
    return AlertMessage("alert_1", kind, text, {}, **values)


def sent(address: str, *messages: AlertMessage) -> list[bool]:
    sender = AppriseSender(address, pause=lambda _: None)
    return [sender.send(one) for one in messages]


def test_addresses_of_all_and_of_a_shop() -> None:
    """ALERT_URL gets the alerts of all shops and `alert_url` those of its shop; no name reveals an address."""
    url = f"https://ops.example/{SECRET} json://ops.example/{SECRET}"
    config = replace(settings.load(), alert_url=url)
    shops = known("acme", "b")
    shops["b"] = replace(shops["b"], alert_url=(f"mailtos://a:{SECRET}@example.com",))
    found = recipients.configured(config, shops)
    assert [one.shop for one in found] == ["", "", "b"]
    assert [type(one.sender) for one in found] == [Notifier, AppriseSender, AppriseSender]
    assert found[0].name == ""
    assert len({one.name for one in found}) == 3
    assert SECRET not in str([one.name for one in found]) + repr(config) + repr(shops)


def test_mail() -> None:
    """An alert is an e-mail with the text, and a subject that distinguishes beginning and end."""
    with closing(MailServer()) as server:
        address = f"mailto://127.0.0.1:{server.port}?from=webhooks@example.com&to=ops@example.com&mode=insecure"
        assert sent(address, message(), message(OVER, "Resolved: acme: an event waits.")) == [True, True]
    first, second = server.messages
    assert (first["Subject"], second["Subject"]) == ("Problem with webhooks", "Resolved")
    assert "ops@example.com" in first["To"]
    body = first.get_body(("plain", "html"))
    assert body
    assert "acme: an event waits." in body.get_content()


def test_teams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teams gets an adaptive card with the title and the text, over a verified connection."""
    certificate = make_certificate(tmp_path)
    with closing(Collector(certificate)) as posts:
        address = f"workflows://localhost:{posts.port}/abcdef0123456789/{SECRET}"
        assert sent(address, message()) == [False]  # the certificate is not known
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        assert sent(address, message(text="acme: no [orders](http://evil.example) <at>all</at>.")) == [True]
    [(path, body)] = posts.bodies
    assert path.startswith("/workflows/abcdef0123456789/triggers/manual/paths/invoke?")
    assert f"sig={SECRET}" in path
    posted = json.loads(body)
    assert posted["type"] == "message"
    [card] = posted["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (card["content"]["type"], card["content"]["version"]) == ("AdaptiveCard", "1.4")
    texts = [one for one in card["content"]["body"] if one["type"] == "TextBlock"]
    assert [one["id"] for one in texts] == ["title", "body"]
    assert texts[0]["text"] == "Problem with webhooks"
    assert "acme: no" in texts[1]["text"]
    assert not [part for part in ("[orders]", "<at>") if part in texts[1]["text"]]
    assert "entities" not in card["content"]["msteams"]


def test_addresses_that_are_copied_from_a_chat() -> None:
    """Each gets the body that the chat shows, whatever ALERT_FORMAT is: Teams accepts any, and shows nothing."""
    teams = "default1234.5f.environment.api.powerplatform.com:443/powerautomate/automations/direct"
    for address, service in {
        "https://discord.com/api/webhooks/4174216298/token": "NotifyDiscord",
        f"https://prod-1.westeurope.logic.azure.com:443/workflows/a1/triggers/manual/paths/invoke?sig={SECRET}": (
            "NotifyWorkflows"
        ),
        f"https://{teams}/workflows/a1/triggers/manual/paths/invoke?api-version=1&sig={SECRET}": "NotifyWorkflows",
    }.items():
        with capture_logs() as lines:
            assert isinstance(recipients.sender(settings.load(), address), AppriseSender), service
        assert lines == []
    assert type(apprise.Apprise.instantiate(address)).__name__ == service
    for address in ("https://hooks.slack.com/services/T/B/x", "https://ops.example/logic.azure.com/workflows/a"):
        assert isinstance(recipients.sender(settings.load(), address), Notifier)


def test_a_long_text_is_accepted(posts: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too long for a service is cut off for an incident, and several messages in a chat."""
    url = f"http://127.0.0.1:{posts.port}/hook"
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", url)
    monkeypatch.setattr(discord.NotifyDiscord, "notify_url", url)
    text = "acme: an event waits. " * 150
    assert sent("pagerduty://key@integration", message(text=text, problem="p")) == [True]
    assert len(json.loads(posts.bodies[0][1])["payload"]["summary"]) <= 1024
    assert sent(f"discord://4174216298/{SECRET}", message(text=text)) == [True]
    chats = [json.loads(body)["content"] for _, body in posts.bodies[1:]]
    assert len(chats) == 2
    assert all(len(one) <= 2000 for one in chats)


def test_a_digest_is_no_incident(posts: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """An on-call service opens none because of a summary."""
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", f"http://127.0.0.1:{posts.port}/")
    assert sent("pagerduty://key@integration", message(DIGEST)) == [True]
    assert posts.bodies == []


def test_pagerduty_opens_and_resolves_one_incident(posts: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beginning and end of a problem are one incident, which stays open while shops still have it."""
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", f"http://127.0.0.1:{posts.port}/v2/enqueue")
    over = message(OVER, "Resolved.", problem="p1")
    known_messages = (message(problem="p1"), replace(over, remaining=2), over)
    assert sent("pagerduty://key@integration", *known_messages) == [True, True, True]
    opened, resolved = [json.loads(body) for _, body in posts.bodies]
    assert (opened["event_action"], opened["dedup_key"], opened["payload"]["severity"]) == ("trigger", "p1", "critical")
    assert opened["payload"]["summary"] == "acme: an event waits."
    assert opened["routing_key"] == "key"
    assert opened["payload"]["source"]
    assert (resolved["event_action"], resolved["dedup_key"]) == ("resolve", "p1")


def test_chats_get_no_mention(posts: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic, which a sender chooses, mentions no channel and makes no link."""
    url = f"http://127.0.0.1:{posts.port}/hook"
    monkeypatch.setattr(slack.NotifySlack, "webhook_url", url)
    monkeypatch.setattr(discord.NotifyDiscord, "notify_url", url)
    text = "acme: no @everyone <!channel> <http://evil.example|orders>."
    for address in ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", f"discord://4174216298/{SECRET}"):
        sent(address, message(text=text))
    assert {json.loads(body).get("content") is None for _, body in posts.bodies} == {True, False}
    for _, body in posts.bodies:
        content = json.loads(body).get("content") or json.loads(body)["attachments"][0]["text"]
        assert "acme: no " in content
        assert not [part for part in ("@everyone", "<!channel", "<http") if part in content]


def test_failure_is_logged_without_the_address(capfd: pytest.CaptureFixture[str]) -> None:
    """An address that does not answer fails the message; no log has its password, not even that of apprise."""
    port = processes.free_port()
    for address in (
        f"json://user:{SECRET}@127.0.0.1:{port}/{SECRET}",
        f"mailto://u:{SECRET}@127.0.0.1:{port}?from=a@example.com&to=b@example.com",
    ):
        with capture_logs() as lines:
            assert sent(address, message()) == [False]
        assert [line["event"] for line in lines] == ["alert_delivery_failed"]
        assert SECRET not in str(lines)
    assert SECRET not in "".join(capfd.readouterr())


def test_unknown_service_is_logged() -> None:
    """An address that apprise does not know is reported at the start, by its scheme alone."""
    with capture_logs() as lines:
        assert sent(f"nosuchservice://{SECRET}", message()) == [False]
    assert [(line["event"], line["scheme"]) for line in lines] == [("alert_address_unknown", "nosuchservice")]


def test_without_apprise_the_log_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, messages are not accepted, and nothing else fails."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with capture_logs() as lines:
        assert sent("json://127.0.0.1", message()) == [False]
    assert [line["event"] for line in lines] == ["extra_missing"]
    assert apprise.__name__ == "apprise"


def test_no_more_attempts_after_the_lease_is_lost() -> None:
    """Nothing is sent once the caller no longer may."""
    sender = AppriseSender(f"json://127.0.0.1:{processes.free_port()}", pause=lambda _: None)
    with capture_logs() as lines:
        assert not sender.send(message(), lambda: False)
    assert lines == []
