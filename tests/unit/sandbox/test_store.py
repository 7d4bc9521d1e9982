"""The store: its bounds, and many threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.support.sandbox import (
    client_of,
    events,
    page,
    send,
    view,
)
from webhook_app.sandbox import store
from webhook_app.sandbox.app import create_app

if TYPE_CHECKING:
    import pytest
    from flask.testing import FlaskClient


def test_only_the_newest_refusals_are_kept(client: FlaskClient) -> None:
    """The list of refusals is bounded; their number on the page is not."""
    for _ in range(store.MOST_REFUSALS + 5):
        client.post("/api/purchase")
    assert len(client.get("/refused").get_json()) == store.MOST_REFUSALS == 1_000
    assert "of 1,005" in page(client)


def test_the_oldest_events_are_dropped_and_counted(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound the newest stay; the numbering goes on."""
    assert store.MOST_EVENTS == 10_000
    monkeypatch.setattr(store, "MOST_EVENTS", 3)
    for number in range(5):
        view(client, f"p{number}")
    document = client.get("/events").get_json()
    assert (document["total"], document["dropped"]) == (5, 2)
    assert [event["n"] for event in document["events"]] == [3, 4, 5]


def test_large_events_are_dropped_before_they_fill_the_machine(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes of the stored bodies are bounded as well."""
    monkeypatch.setattr(store, "MOST_EVENT_BYTES", 2_500)
    for _ in range(4):
        send(client, "search", {"SearchTerm": "x" * 1_000, "ProfileKey": "a"})
    document = client.get("/events").get_json()
    assert (document["dropped"], [event["n"] for event in document["events"]]) == (2, [3, 4])


def test_sandboxes_are_independent(client: FlaskClient) -> None:
    """Each app remembers for itself."""
    view(client, "a")
    assert events(client_of()) == []


def test_calls_from_many_threads_are_each_counted_once() -> None:
    """800 calls of 8 threads give 800 distinct numbers, exact sums, and never more profiles than allowed."""
    app = create_app(max_profiles=5)
    body = {"ProductKeys": ["1"], "Revenue": 0.1}

    def work(thread: int) -> list[int]:
        client = app.test_client()
        return [
            send(client, "purchase", {**body, "ProfileKey": f"p{(thread + number) % 7}"}).status_code
            for number in range(100)
        ]

    with ThreadPoolExecutor(8) as pool:
        answers = [status for statuses in pool.map(work, range(8)) for status in statuses]
    client = app.test_client()
    found, document = events(client), client.get("/profiles").get_json()
    assert answers == [204] * 800
    assert [event["n"] for event in found] == list(range(1, 801))
    assert [event["at"] for event in found] == sorted(event["at"] for event in found)
    assert len(document["profiles"]) == 5
    for profile in document["profiles"]:
        tenths = profile["events"]["purchase"]
        assert profile["revenue"] == f"{tenths // 10}.{tenths % 10}"
