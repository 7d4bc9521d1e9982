"""Checks of the Analytics API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import web_server
from tests.support.doctor import finding_of
from tests.support.processes import free_port

if TYPE_CHECKING:
    import ssl

    from tests.support.doctor import Examine
    from tests.support.local_tweakwise import LocalTweakwise


@pytest.mark.parametrize(
    ("ahead", "severity", "words"),
    [(0, "ok", "agrees"), (-20, "warning", "ahead of"), (3590, "error", "59 min")],
)
def test_clock_is_compared(
    plain: Examine, monkeypatch: pytest.MonkeyPatch, ahead: float, severity: str, words: str
) -> None:
    """The clock is compared with the Date header of Tweakwise."""
    with web_server.serving(ahead=ahead) as server:
        monkeypatch.setenv("TWEAKWISE_URL", server)
        found = finding_of(plain(), "clock")
    assert found[0] == severity
    assert words in found[1]


def test_unreachable_tweakwise_is_an_error(
    plain: Examine, monkeypatch: pytest.MonkeyPatch, certificate: ssl.SSLContext
) -> None:
    """Name, connection, certificate and redirect are errors; a server error is a warning."""
    with (
        web_server.serving(tls=certificate) as unknown,
        web_server.serving(status=302, Location="https://elsewhere.example/") as moved,
        web_server.serving(status=503) as down,
    ):
        cases = {
            "http://tweakwise.invalid": ("error", "DNS lookup of the address failed"),
            f"http://127.0.0.1:{free_port()}": ("error", "refused"),
            unknown: ("error", "self-signed certificate"),
            moved: ("error", "redirect (302)"),
            down: ("warning", "503"),
        }
        for url, (severity, words) in cases.items():
            monkeypatch.setenv("TWEAKWISE_URL", url)
            found = finding_of(plain(), "tweakwise")
            assert found[0] == severity, found
            assert words in found[1]


def test_proxy_is_the_workers(plain: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor asks through TWEAKWISE_PROXY alone, as the worker does, and not through the environment's proxies."""
    with web_server.serving() as server:
        monkeypatch.setenv("NO_PROXY", "tweakwise.invalid")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        monkeypatch.setenv("TWEAKWISE_URL", server)
        assert finding_of(plain(), "tweakwise")[0] == "ok"
        monkeypatch.setenv("TWEAKWISE_PROXY", server)
        monkeypatch.setenv("TWEAKWISE_URL", "http://tweakwise.invalid")
        assert finding_of(plain(), "tweakwise")[0] == "ok"


def test_no_event_without_send(plain: Examine, tweakwise: LocalTweakwise) -> None:
    """Without --send Tweakwise gets no event, and the key is a note."""
    before = len(tweakwise.events())
    assert finding_of(plain(), "instance key")[0] == "info"
    assert len(tweakwise.events()) == before


def test_instance_key_is_tested_with_send(
    plain: Examine, monkeypatch: pytest.MonkeyPatch, tweakwise: LocalTweakwise
) -> None:
    """One search, marked as internal; what was sent is text."""
    before = len(tweakwise.events())
    severity, text = finding_of(plain("--send"), "instance key")
    assert severity == "ok"
    assert "Internal-Traffic" in text
    [event] = tweakwise.events()[before:]
    assert event["body"]["ProfileKey"] in text
    assert event["body"]["SearchTerm"] in text
    tweakwise.trouble(status=401)
    try:
        severity, text = finding_of(plain("--send"), "instance key")
    finally:
        tweakwise.trouble()
    assert severity == "error"
    assert "401" in text
