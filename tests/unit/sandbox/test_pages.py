"""The HTML pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandbox import (
    INSTANCE_KEY,
    PROFILE_KEY,
    PURCHASE,
    VALID,
    page,
    send,
    view,
    with_field,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def test_the_page_says_what_it_is_and_what_to_do_when_empty(client: FlaskClient) -> None:
    """An empty sandbox shows how to send a first event."""
    shown = page(client)
    assert "This is a local sandbox, not Tweakwise." in shown
    assert "No events yet. Send a sample:" in shown
    assert "python -m webhook_app send-sample shopify orders/create" in shown


def test_the_page_shows_events_newest_first(client: FlaskClient) -> None:
    """Instance, event, product keys, term and revenue are all there."""
    send(client, "purchase", PURCHASE)
    send(client, "search", VALID["search"])
    shown = page(client)
    assert shown.index("winterjas") < shown.index("100012345")
    for text in (INSTANCE_KEY, "purchase", "100012346", "59.90", f"/profiles/{INSTANCE_KEY}/{PROFILE_KEY}"):
        assert text in shown


def test_the_page_shows_refusals_with_the_reason(client: FlaskClient) -> None:
    """A refused call is on the page with its status and the sentence."""
    send(client, "purchase", with_field("Revenue", "1"))
    shown = page(client)
    assert "Must be a JSON number" in shown
    assert ">400<" in shown


def test_the_page_shows_the_switches_in_force(client: FlaskClient) -> None:
    """A switch that was left on is shown."""
    assert "Failures are switched on" not in page(client)
    client.post("/trouble", json={"status": 503, "rate": 0.5})
    shown = page(client)
    assert "Failures are switched on" in shown
    assert 'value="503"' in shown
    assert 'value="0.5"' in shown


@pytest.mark.parametrize(("query", "live"), [("", False), ("?live=1", True), ("?live=0", False)])
def test_the_page_reloads_by_itself_only_when_asked(client: FlaskClient, query: str, *, live: bool) -> None:
    """Reloading is opt-in."""
    assert ('http-equiv="refresh"' in page(client, f"/{query}")) == live


HOSTILE = '<script>alert("1")</script>'


@pytest.mark.parametrize(
    ("event", "body", "headers"),
    [
        ("search", {"SearchTerm": HOSTILE, "ProfileKey": "a"}, {}),
        ("pageview", {"ProductKey": HOSTILE, "ProfileKey": "a"}, {}),
        ("pageview", {"ProductKey": "1", "ProfileKey": HOSTILE}, {}),
        ("pageview", {"ProductKey": "1", "ProfileKey": "a"}, {"TWN-Source": HOSTILE}),
        ("pageview", {HOSTILE: "1", "ProfileKey": "a"}, {}),
    ],
)
def test_text_of_calls_is_escaped(
    client: FlaskClient, event: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    """Text of a call never becomes markup."""
    send(client, event, body, **headers)
    shown = page(client)
    assert "<script" not in shown
    assert "&lt;script" in shown


@pytest.mark.parametrize("key", ["plain", "a/b", "a//b", "a?b", "a#b", "50%", "tw.fg$ae12deH.8631552", "\u00e9 \u20ac"])
def test_a_profile_page_is_linked_and_shows_its_events(client: FlaskClient, key: str) -> None:
    """The link on the page leads to the profile, whatever characters its key has."""
    send(client, "search", {"SearchTerm": "mine", "ProfileKey": key})
    send(client, "search", {"SearchTerm": "theirs", "ProfileKey": "other"})
    start = f"/profiles/{INSTANCE_KEY}/"
    links = [part.partition('"')[0] for part in page(client).split('href="')]
    link = next(link for link in links if link.startswith(start) and not link.startswith(f"{start}other"))
    answer = client.get(link)
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "mine" in shown
    assert "theirs" not in shown


@pytest.mark.parametrize(
    "path", [f"/profiles/{INSTANCE_KEY}/unknown", "/profiles/zzzz9999/a", f"/profiles/{INSTANCE_KEY}/%ff"]
)
def test_a_profile_that_is_not_there_is_a_404_page(client: FlaskClient, path: str) -> None:
    """An unknown profile or instance key gives a page."""
    view(client, "a")
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "no such profile" in answer.get_data(as_text=True)


def test_the_page_names_no_outside_host(client: FlaskClient) -> None:
    """It works without a network."""
    send(client, "purchase", PURCHASE)
    assert "http://" not in page(client)
    assert "https://" not in page(client)
