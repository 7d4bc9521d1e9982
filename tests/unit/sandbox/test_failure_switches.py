"""Failure switches: what they do, and how they are set."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandbox import (
    OFF,
    PURCHASE,
    events,
    send,
)
from webhook_app.sandbox.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def test_the_switches_are_off_at_first(client: FlaskClient) -> None:
    """GET /trouble shows the current switches."""
    assert client.get("/trouble").get_json() == OFF


@pytest.mark.parametrize("status", [300, 304, 401, 429, 500, 503, 599])
def test_failing_call_is_no_event(client: FlaskClient, status: int) -> None:
    """The status is sent, the call is listed as refused, and no event is stored."""
    assert client.post("/trouble", json={"status": status}).get_json() == {**OFF, "status": status}
    answer = send(client, "purchase", PURCHASE)
    assert answer.status_code == status
    assert "Retry-After" not in answer.headers
    assert events(client) == []
    (refusal,) = client.get("/refused").get_json()
    assert (refusal["reason"], refusal["status"], refusal["event"]) == ("trouble", status, "purchase")


def test_retry_after_goes_with_failing_answers_only(client: FlaskClient) -> None:
    """A call that does not fail has no such header."""
    client.post("/trouble", json={"status": 429, "retry_after": 7})
    assert send(client, "purchase", PURCHASE).headers["Retry-After"] == "7"
    client.post("/trouble", json={"status": 429, "retry_after": 7, "rate": 0})
    answer = send(client, "purchase", PURCHASE)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (204, None)


def test_the_rate_is_the_share_of_calls_that_fail(client: FlaskClient) -> None:
    """At a half, 400 calls give both answers in about equal parts (the bounds are eight deviations wide)."""
    client.post("/trouble", json={"status": 503, "rate": 0.5})
    failed = sum(send(client, "purchase", PURCHASE).status_code == 503 for _ in range(400))
    assert 120 < failed < 280
    assert len(events(client)) == 400 - failed


def test_the_switches_touch_only_the_api(client: FlaskClient) -> None:
    """Pages and JSON endpoints are unaffected."""
    client.post("/trouble", json={"status": 503, "delay_ms": 60_000})
    start = time.monotonic()
    for path in ("/", "/events", "/profiles", "/refused", "/trouble", "/healthz"):
        assert client.get(path).status_code == 200
    assert time.monotonic() - start < 30


def test_the_delay_comes_before_every_answer(client: FlaskClient) -> None:
    """Accepted and refused calls are both slow."""
    client.post("/trouble", json={"delay_ms": 150})
    for body, status in ((PURCHASE, 204), ({}, 400)):
        start = time.monotonic()
        assert send(client, "purchase", body).status_code == status
        assert time.monotonic() - start >= 0.15


def test_hanging_call_is_stored_but_not_answered() -> None:
    """The event is stored immediately; the answer comes when the switch is off, or after 30 seconds."""
    app = create_app()
    client, answers = app.test_client(), []
    client.post("/trouble", json={"hang": True})
    caller = threading.Thread(target=lambda: answers.append(send(app.test_client(), "purchase", PURCHASE).status_code))
    caller.start()
    deadline = time.monotonic() + 10
    while not events(client) and time.monotonic() < deadline:
        time.sleep(0.01)
    caller.join(0.3)
    assert (len(events(client)), caller.is_alive(), answers) == (1, True, [])
    assert client.delete("/trouble").status_code == 204
    caller.join(10)
    assert answers == [204]


def test_a_refused_call_does_not_hang(client: FlaskClient) -> None:
    """Only accepted calls hang."""
    client.post("/trouble", json={"hang": True})
    start = time.monotonic()
    assert send(client, "purchase", {}).status_code == 400
    assert time.monotonic() - start < 15


def test_delete_switches_all_off(client: FlaskClient) -> None:
    """DELETE /trouble switches everything off."""
    client.post("/trouble", json={"status": 503, "retry_after": 1, "rate": 0.9, "delay_ms": 1, "hang": True})
    client.delete("/trouble")
    assert client.get("/trouble").get_json() == OFF
    assert send(client, "purchase", PURCHASE).status_code == 204


def test_a_setting_is_complete(client: FlaskClient) -> None:
    """A missing switch is off, whatever it was before."""
    client.post("/trouble", json={"status": 503})
    assert client.post("/trouble", json={"delay_ms": 5}).get_json() == {**OFF, "delay_ms": 5}


FAULTY_SWITCHES: list[tuple[str, Any]] = [
    ("status", 200),
    ("status", 299),
    ("status", 600),
    ("status", -1),
    ("status", "many"),
    ("delay_ms", -1),
    ("delay_ms", 60_001),
    ("delay_ms", 1.5),
    ("rate", -0.1),
    ("rate", 1.1),
    ("rate", "half"),
    ("retry_after", -1),
    ("hang", "perhaps"),
    ("statsu", 503),
]


@pytest.mark.parametrize(("name", "value"), FAULTY_SWITCHES)
def test_a_faulty_switch_is_named_in_json(client: FlaskClient, name: str, value: Any) -> None:
    """The answer is 400 under the switch's name, and nothing changes."""
    answer = client.post("/trouble", json={name: value})
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, [name])
    assert client.get("/trouble").get_json() == OFF


@pytest.mark.parametrize(("name", "value"), FAULTY_SWITCHES)
def test_a_faulty_switch_is_named_on_the_page(client: FlaskClient, name: str, value: Any) -> None:
    """The form is shown again with the error, and nothing changes."""
    answer = client.post("/trouble", data={name: str(value)})
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert 'class="fault"' in answer.get_data(as_text=True)
    assert client.get("/trouble").get_json() == OFF


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"1e999999", b"[" * 200_000, b'{"rate": NaN}'])
def test_unreadable_switches_are_answered_400(client: FlaskClient, raw: bytes) -> None:
    """Hostile bytes give errors here as well."""
    answer = client.post("/trouble", data=raw, content_type="application/json")
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["body"])


def test_switches_in_another_form_are_answered_415(client: FlaskClient) -> None:
    """Only JSON and forms set them."""
    assert client.post("/trouble", data=b"status=503", content_type="text/plain").status_code == 415


def test_the_form_sets_the_switches_and_returns_to_the_page(client: FlaskClient) -> None:
    """A form is answered 303 to /; empty fields are off."""
    form = {"status": "503", "rate": "0.25", "retry_after": "", "delay_ms": "0", "hang": "true"}
    answer = client.post("/trouble", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert client.get("/trouble").get_json() == {**OFF, "status": 503, "rate": 0.25, "hang": True}


def test_an_empty_form_switches_all_off(client: FlaskClient) -> None:
    """That is what the page's second button sends."""
    client.post("/trouble", json={"status": 503})
    client.post("/trouble", data={}, content_type="application/x-www-form-urlencoded")
    assert client.get("/trouble").get_json() == OFF


def test_an_instance_key_has_its_own_switches(client: FlaskClient) -> None:
    """One shop fails while the others are served, or the other way round; removing them returns to those of all."""
    client.post("/trouble?instance_key=acme0001", json={"status": 503})
    assert client.get("/trouble").get_json() == OFF
    assert client.get("/trouble?instance_key=acme0001").get_json() == {**OFF, "status": 503}
    assert send(client, "purchase", PURCHASE, key="acme0001").status_code == 503
    assert send(client, "purchase", PURCHASE).status_code == 204
    client.post("/trouble", data={"status": "500"})
    client.post("/trouble", data={"instance_key": "acme0001"})
    assert send(client, "purchase", PURCHASE, key="acme0001").status_code == 204
    assert send(client, "purchase", PURCHASE).status_code == 500
    client.delete("/trouble?instance_key=acme0001")
    assert send(client, "purchase", PURCHASE, key="acme0001").status_code == 500
    client.post("/trouble/off")
    assert send(client, "purchase", PURCHASE, key="acme0001").status_code == 204


@pytest.mark.parametrize("key", ["short", "acme-001", "a" * 9])
def test_a_key_that_is_none_has_no_switches(client: FlaskClient, key: str) -> None:
    """The answer names the fault, as JSON and on the page."""
    answer = client.post(f"/trouble?instance_key={key}", json={"status": 503})
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["instance_key"])
    page = client.post("/trouble", data={"instance_key": key, "status": "503"})
    assert (page.status_code, "Must be 8 letters" in page.text) == (400, True)
    assert client.get(f"/trouble?instance_key={key}").status_code == 400
    assert client.get("/trouble").get_json() == OFF


def test_the_switches_stand_on_top(client: FlaskClient) -> None:
    """Before the figures and the events; each instance key with its own is listed, and can be reset."""
    client.post("/trouble?instance_key=acme0001", json={"status": 503})
    page = client.get("/").text
    assert page.index("Failure switches") < page.index('class="figures"') < page.index("Latest events")
    assert "<code>acme0001</code> Every call is answered 503." in page
    client.post("/trouble/off", data={"instance_key": "acme0001"})
    assert "Every call is answered 503." not in client.get("/").text


def test_only_the_newest_keys_have_switches(client: FlaskClient) -> None:
    """However many are set, the memory of the sandbox is bounded."""
    for number in range(150):
        client.post(f"/trouble?instance_key=key{number:05d}", json={"status": 503})
    states = [client.get(f"/trouble?instance_key=key{number:05d}").get_json()["status"] for number in (0, 49, 50, 149)]
    assert states == [0, 0, 503, 503]
