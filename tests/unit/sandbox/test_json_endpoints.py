"""Events, profiles and refusals as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import (
    VALID,
    events,
    send,
    view,
    with_field,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def test_refused_calls_are_listed_with_their_reason(client: FlaskClient) -> None:
    """/refused lists time, call, answer and reason, in order."""
    send(client, "purchase", with_field("Revenue", "1"))
    send(client, "search", VALID["search"], "bad")
    first, second = client.get("/refused").get_json()
    assert (first["event"], first["status"], list(first["errors"])) == ("purchase", 400, ["Revenue"])
    assert (second["event"], second["status"], list(second["errors"])) == ("search", 401, ["Instance-Key"])
    assert first["at"] <= second["at"]


def test_events_are_numbered_in_order_of_arrival(client: FlaskClient) -> None:
    """Numbers count from 1, and the document names the sandbox."""
    for name in ("a", "b", "c"):
        view(client, name)
    document = client.get("/events").get_json()
    assert [(event["n"], event["body"]["ProfileKey"]) for event in document["events"]] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    assert (document["total"], document["dropped"]) == (3, 0)
    assert document["sandbox"] == "This is a local sandbox, not Tweakwise."


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4]),
        ("?event=search", [3]),
        ("?event=", [1, 2, 3, 4]),
        ("?event=refund", []),
        ("?instance_key=zzzz9999", [4]),
        ("?profile_key=a", [1, 4]),
        ("?profile_key=a&instance_key=1234abcd", [1]),
        ("?after=2", [3, 4]),
        ("?after=2&event=pageview", [4]),
        ("?after=4", []),
    ],
)
def test_events_are_filtered(client: FlaskClient, query: str, numbers: list[int]) -> None:
    """The filters combine."""
    view(client, "a")
    view(client, "b")
    send(client, "search", {"SearchTerm": "x", "ProfileKey": "c"})
    view(client, "a", "zzzz9999")
    assert [event["n"] for event in events(client, query)] == numbers


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "\u00b2", "9" * 5000])
def test_a_faulty_after_is_answered_400(client: FlaskClient, after: str) -> None:
    """The filter takes the number of an event and nothing else."""
    answer = client.get("/events", query_string={"after": after})
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["after"])


def test_delete_removes_all_but_the_switches(client: FlaskClient) -> None:
    """DELETE /events forgets events, profiles and refusals; numbering starts at 1 again."""
    client.post("/trouble", json={"delay_ms": 1})
    view(client, "a")
    client.post("/api/purchase")
    assert client.delete("/events").status_code == 204
    assert client.get("/profiles").get_json()["profiles"] == client.get("/refused").get_json() == []
    assert client.get("/trouble").get_json()["delay_ms"] == 1
    view(client, "b")
    document = client.get("/events").get_json()
    assert (document["total"], document["events"][0]["n"]) == (1, 1)


def test_healthz_answers_ok(client: FlaskClient) -> None:
    """The health check is a small JSON document."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
