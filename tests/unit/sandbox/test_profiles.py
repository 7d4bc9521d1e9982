"""Profiles: figures and evictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.sandbox import (
    INSTANCE_KEY,
    VALID,
    client_of,
    events,
    page,
    send,
    view,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def test_profiles_count_their_events_and_revenue_exactly(client: FlaskClient) -> None:
    """Ten times 0.1 is 1.0, as text."""
    for _ in range(10):
        send(client, "purchase", {"ProductKeys": ["1"], "ProfileKey": "a", "Revenue": 0.1})
    view(client, "a")
    document = client.get("/profiles").get_json()
    (profile,) = document["profiles"]
    assert (profile["instance_key"], profile["profile_key"]) == (INSTANCE_KEY, "a")
    assert profile["events"] == {"purchase": 10, "pageview": 1}
    assert profile["revenue"] == "1.0"
    assert profile["first_seen"] == events(client)[0]["at"]
    assert profile["last_seen"] == events(client)[-1]["at"]
    assert (document["max_profiles"], document["evicted"], document["evictions"]) == (10_000, 0, [])


def test_a_call_without_profile_key_makes_no_profile(client: FlaskClient) -> None:
    """An itemclick names no profile."""
    send(client, "itemclick", VALID["itemclick"])
    assert client.get("/profiles").get_json()["profiles"] == []


def test_a_new_profile_evicts_the_one_inactive_longest() -> None:
    """Activity counts, not age; what was evicted is counted and listed, and its events stay in /events."""
    client = client_of(max_profiles=2)
    for name in ("old", "idle", "old", "new"):
        view(client, name)
    document = client.get("/profiles").get_json()
    assert [profile["profile_key"] for profile in document["profiles"]] == ["old", "new"]
    (eviction,) = document["evictions"]
    assert (document["evicted"], eviction["profile_key"], eviction["instance_key"]) == (1, "idle", INSTANCE_KEY)
    assert eviction["at"] == events(client)[-1]["at"]
    assert [event["n"] for event in events(client, "?profile_key=idle")] == [2]


def test_the_bound_of_profiles_counts_per_instance_key() -> None:
    """One account's profiles never push out another's."""
    client = client_of(max_profiles=1)
    view(client, "a")
    view(client, "b", "zzzz9999")
    document = client.get("/profiles").get_json()
    assert (len(document["profiles"]), document["evicted"]) == (2, 0)


def test_an_evicted_profile_that_returns_starts_anew() -> None:
    """Its former events are not its own any more."""
    client = client_of(max_profiles=1)
    for name in ("a", "b", "a"):
        view(client, name)
    (profile,) = client.get("/profiles").get_json()["profiles"]
    assert (profile["profile_key"], profile["events"]) == ("a", {"pageview": 1})
    shown = page(client, f"/profiles/{INSTANCE_KEY}/a")
    assert '<td data-label="No.">3</td>' in shown
    assert '<td data-label="No.">1</td>' not in shown
