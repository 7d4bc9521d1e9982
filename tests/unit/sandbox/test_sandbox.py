"""The sandbox: what it accepts, refuses, remembers and shows, and how it misbehaves when told to."""

from __future__ import annotations

import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from webhook_app.sandbox import memory
from webhook_app.sandbox.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

KEY = "1234abcd"
PROFILE = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"
PURCHASE = {"ProductKeys": ["100012345", "100012346"], "ProfileKey": PROFILE, "Revenue": 59.9}
VALID: dict[str, dict[str, Any]] = {
    "pageview": {"ProductKey": "100012345", "ProfileKey": PROFILE},
    "purchase": PURCHASE,
    "search": {"SearchTerm": "winterjas", "ProfileKey": PROFILE},
    "addtocart": {"ProductKey": "1", "Quantity": 2, "TotalAmount": 39.98, "ProfileKey": PROFILE, "SessionKey": "a-1"},
    "addtowishlist": {"ProductKey": "1", "ProfileKey": PROFILE, "SessionKey": "a-1"},
    "sessionstart": {"ProfileKey": PROFILE, "SessionKey": "a-1", "Source": "mail"},
    "itemclick": {"RequestId": "r-1", "ItemId": "100012345"},
    "pageimpression": {"RequestId": "r-1", "ProfileKey": PROFILE, "SessionKey": "a-1"},
}
OFF = {"delay_ms": 0, "status": 0, "rate": 1.0, "retry_after": 0, "hang": False}


@pytest.fixture
def client() -> FlaskClient:
    return client_of()


def client_of(**settings: Any) -> FlaskClient:
    app = create_app(**settings)
    # Otherwise a fault of the sandbox would be a 500 here instead of a traceback.
    app.testing = True
    return app.test_client()


def send(client: FlaskClient, event: str, body: Any, key: str = KEY, **headers: str) -> TestResponse:
    return client.post(f"/api/{event}", json=body, headers={"Instance-Key": key, **headers})


def send_raw(client: FlaskClient, raw: bytes, content_type: str = "application/json") -> TestResponse:
    return client.post("/api/purchase", data=raw, content_type=content_type, headers={"Instance-Key": KEY})


def view(client: FlaskClient, profile: str, key: str = KEY) -> None:
    assert send(client, "pageview", {"ProductKey": "1", "ProfileKey": profile}, key).status_code == 204


def events(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/events{query}").get_json()["events"]
    return found


def page(client: FlaskClient, path: str = "/") -> str:
    return client.get(path).get_data(as_text=True)


def with_field(field: str, value: Any) -> dict[str, Any]:
    return {**PURCHASE, field: value}


# --- accepted calls


@pytest.mark.parametrize("event", VALID)
def test_a_valid_call_is_answered_204_and_kept_as_it_came(client: FlaskClient, event: str) -> None:
    """Every one of the eight calls is accepted with an empty answer and listed with its body unchanged."""
    answer = send(client, event, VALID[event])
    assert (answer.status_code, answer.data) == (204, b"")
    (kept,) = events(client)
    assert (kept["event"], kept["body"], kept["instance_key"]) == (event, VALID[event], KEY)


def test_a_body_keeps_the_order_of_its_fields(client: FlaskClient) -> None:
    """What is listed can be compared with what was sent by eye."""
    send_raw(client, b'{"Revenue": 1, "ProfileKey": "a", "ProductKeys": ["1"]}')
    shown = page(client, "/events")
    assert shown.index("Revenue") < shown.index("ProfileKey") < shown.index("ProductKeys")


@pytest.mark.parametrize("content_type", ["application/json", "text/json", "text/json; charset=utf-8"])
def test_both_documented_content_types_are_taken(client: FlaskClient, content_type: str) -> None:
    """The documentation says text/json, integrations send application/json."""
    assert send_raw(client, json.dumps(PURCHASE).encode(), content_type).status_code == 204


@pytest.mark.parametrize("headers", [{}, {"TWN-Source": "Internal-Traffic"}])
def test_the_source_header_is_recorded(client: FlaskClient, headers: dict[str, str]) -> None:
    """TWN-Source is kept, and null without it."""
    send(client, "purchase", PURCHASE, **headers)
    assert events(client)[0]["source"] == headers.get("TWN-Source")


@pytest.mark.parametrize("revenue", [0, 12, 0.01, 59.849999999999994])
def test_any_number_from_zero_is_a_revenue(client: FlaskClient, revenue: float) -> None:
    """Whole numbers, zero and the noise of floating point are accepted and come back the same."""
    assert send(client, "purchase", with_field("Revenue", revenue)).status_code == 204
    assert events(client)[0]["body"]["Revenue"] == revenue


def test_revenue_may_be_left_out(client: FlaskClient) -> None:
    """A purchase without Revenue is valid."""
    body = {name: value for name, value in PURCHASE.items() if name != "Revenue"}
    assert send(client, "purchase", body).status_code == 204


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "a" * 128,
        "tw.fg$ae12deH.8631552",
        "d9428888-122b-11e1-b85c-61cd3cbb3210",
        "7351239876123",
        "31612345678",
        "2024-000123",
        "1234567890.1698765432",
        "000000123456",
        PROFILE,
    ],
)
def test_ids_and_hashes_are_profile_keys(client: FlaskClient, key: str) -> None:
    """Neither a UUID nor a bare customer id is taken for a telephone number."""
    assert send(client, "purchase", with_field("ProfileKey", key)).status_code == 204


# --- refused calls


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("ProductKeys", {"1": "100012345"}, "object keyed by id"),
        ("ProductKeys", "100012345", "list of text"),
        ("ProductKeys", [], "at least one"),
        ("ProductKeys", ["1", 2], "item 2"),
        ("ProductKeys", [" "], "item 1"),
        ("ProductKeys", None, "null"),
        ("Revenue", "59.90", "JSON number"),
        ("Revenue", True, "JSON number"),
        ("Revenue", -0.01, "at least 0"),
        ("Revenue", 1e16, "at most"),
        ("Revenue", None, "null"),
        ("ProfileKey", 12345, "text"),
        ("ProfileKey", "", "1 to 128"),
        ("ProfileKey", "a" * 129, "1 to 128"),
        ("ProfileKey", "  ", "empty"),
        ("ProfileKey", None, "null"),
        ("SessionKey", "a_b", "letters, digits and hyphens"),
        ("SessionKey", "a-1\n", "letters, digits and hyphens"),
        ("SessionKey", "", "letters, digits and hyphens"),
        ("SessionKey", 1, "text"),
        ("OrderId", "1", "Unknown field"),
        ("productKeys", ["1"], "Unknown field"),
    ],
)
def test_a_faulty_purchase_names_the_field(client: FlaskClient, field: str, value: Any, word: str) -> None:
    """A field of the wrong type or range is answered 400 with a sentence under its name, and is no event."""
    answer = send(client, "purchase", with_field(field, value))
    assert answer.status_code == 400
    faults = answer.get_json()["errors"]
    assert list(faults) == [field]
    assert word in " ".join(faults[field])
    assert events(client) == []


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        ("pageview", "ProductKey", 100012345),
        ("pageview", "ProductKey", ""),
        ("search", "SearchTerm", " "),
        ("search", "SearchTerm", 42),
        ("addtocart", "Quantity", "2"),
        ("addtocart", "TotalAmount", False),
        ("itemclick", "ProfileKey", PROFILE),
        ("pageimpression", "RequestId", None),
    ],
)
def test_the_other_calls_are_as_strict(client: FlaskClient, event: str, field: str, value: Any) -> None:
    """Text is text, numbers are numbers, and a call has only its own fields."""
    answer = send(client, event, {**VALID[event], field: value})
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, [field])


REQUIRED = [
    (event, field)
    for event, body in VALID.items()
    for field in body
    if field not in ("Revenue", "Source") and (field != "SessionKey" or event == "sessionstart")
]


@pytest.mark.parametrize(("event", "field"), REQUIRED)
def test_a_missing_field_is_named(client: FlaskClient, event: str, field: str) -> None:
    """Without a field that it needs a call is answered 400 under that field's name."""
    body = {name: value for name, value in VALID[event].items() if name != field}
    answer = send(client, event, body)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, [field])


@pytest.mark.parametrize(
    "key",
    [
        "jan@example.nl",
        "jan%40example.nl",
        "jan%2540example.nl",
        " jan @ example.nl ",
        "mailto:jan@example.nl",
        "jan\uff20example.nl",
        "+31612345678",
        "%2B31612345678",
        "+31 6 1234 5678",
        "+31 (0)6-12345678",
        "+31%206%2012345678",
        "(+31) 612345678",
        "tel:+31612345678",
        "0031612345678",
        "0612345678",
        "06-12345678",
        "06 12 34 56 78",
        "555-123-4567",
        "(555) 123-4567",
    ],
)
def test_personal_data_is_refused_and_never_repeated(client: FlaskClient, key: str) -> None:
    """A key that reads as an e-mail address or a phone number appears neither in the answer nor in any list."""
    answer = send(client, "purchase", with_field("ProfileKey", key))
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["ProfileKey"])
    shown = answer.get_data(as_text=True) + page(client) + page(client, "/refused") + page(client, "/events")
    assert key not in shown
    assert "e-mail address or a phone number" in shown


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"Revenue": NaN}',
        b'{"Revenue": Infinity}',
        b'{"Revenue": 1e99999999999999999999}',
        b'{"ProfileKey": "\\ud800"}',
        b"9" * 5000,
        b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_not_json_is_answered_400(client: FlaskClient, raw: bytes) -> None:
    """Hostile bytes get a sentence about the body, whatever the parser makes of them."""
    answer = send_raw(client, raw)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["body"])


@pytest.mark.parametrize("body", [[], "text", 1, None, True])
def test_a_body_that_is_no_object_is_answered_400(client: FlaskClient, body: Any) -> None:
    """JSON that is not an object is refused as a whole."""
    answer = send_raw(client, json.dumps(body).encode())
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["body"])


@pytest.mark.parametrize("exponent", ["999999", "-999999"])
def test_a_hostile_exponent_is_a_fault_of_its_field(client: FlaskClient, exponent: str) -> None:
    """A number with a million digits is refused instead of written out."""
    raw = f'{{"ProductKeys": ["1"], "ProfileKey": "a", "Revenue": 1e{exponent}}}'.encode()
    answer = send_raw(client, raw)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["Revenue"])


def test_a_thousand_unknown_fields_are_not_all_named(client: FlaskClient) -> None:
    """An answer stays small, whatever the number and length of the faults."""
    answer = send(client, "purchase", {f"{'x' * 500}{number}": 1 for number in range(1000)})
    assert answer.status_code == 400
    assert len(answer.data) < 5_000
    many = send(client, "purchase", {f"unknown{number}": 1 for number in range(1000)})
    assert len(many.get_json()["errors"]) == 20


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_other_content_types_are_answered_415(client: FlaskClient, content_type: str) -> None:
    """Only JSON is taken."""
    assert send_raw(client, json.dumps(PURCHASE).encode(), content_type).status_code == 415


@pytest.mark.parametrize(("size", "status"), [(1024 * 1024, 204), (1024 * 1024 + 1, 413)])
def test_a_body_over_one_mebibyte_is_answered_413(client: FlaskClient, size: int, status: int) -> None:
    """The limit itself is still accepted."""
    assert send_raw(client, json.dumps(PURCHASE).encode().ljust(size)).status_code == status


@pytest.mark.parametrize(("size", "status"), [(1024 * 1024, 204), (1024 * 1024 + 1, 413), (3_000_000, 413)])
def test_the_limit_holds_for_a_body_of_unstated_length(client: FlaskClient, size: int, status: int) -> None:
    """A chunked body is measured as it comes, and refused rather than cut short."""
    answer = client.post(
        "/api/purchase",
        input_stream=io.BytesIO(json.dumps(PURCHASE).encode().ljust(size)),
        content_type="application/json",
        headers={"Instance-Key": KEY, "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == status


@pytest.mark.parametrize("key", ["", "1234abc", "1234abcde", "1234-bcd", "1234abc\u00e9", "1234abc\u0663"])
def test_a_malformed_instance_key_is_answered_401(client: FlaskClient, key: str) -> None:
    """An instance key has 8 letters and digits."""
    answer = send(client, "purchase", PURCHASE, key)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (401, ["Instance-Key"])


def test_a_missing_instance_key_is_answered_401(client: FlaskClient) -> None:
    """The header is required."""
    assert client.post("/api/purchase", json=PURCHASE).status_code == 401


@pytest.mark.parametrize(("key", "status"), [(KEY, 204), ("zzzz9999", 401), ("1234ABCD", 401)])
def test_only_listed_instance_keys_are_known(key: str, status: int) -> None:
    """When keys are listed, another one is refused although it is well-formed."""
    assert send(client_of(instance_keys=[KEY]), "purchase", PURCHASE, key).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/purchase", 405),
        ("DELETE", "/api/purchase", 405),
        ("POST", "/api/refund", 404),
        ("POST", "/api/", 404),
        ("POST", "/api/purchase/x", 404),
    ],
)
def test_wrong_paths_under_api_are_answered_in_json(client: FlaskClient, method: str, path: str, status: int) -> None:
    """404 and 405 under /api carry errors like any other answer there."""
    answer = client.open(path, method=method)
    assert (answer.status_code, list(answer.get_json())) == (status, ["errors"])


def test_a_wrong_method_is_told_the_right_one(client: FlaskClient) -> None:
    """405 carries the Allow header."""
    assert "POST" in client.get("/api/purchase").headers["Allow"]


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nowhere", "GET", 404), ("/events", "PUT", 405), ("/trouble", "PUT", 405)]
)
def test_wrong_paths_elsewhere_are_answered_in_html(client: FlaskClient, path: str, method: str, status: int) -> None:
    """Outside /api an error is a short page."""
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert f"<h1>{status}" in answer.get_data(as_text=True)


def test_refused_calls_are_listed_with_their_reason(client: FlaskClient) -> None:
    """/refused tells when, which call, which answer and why, in order."""
    send(client, "purchase", with_field("Revenue", "1"))
    send(client, "search", VALID["search"], "bad")
    first, second = client.get("/refused").get_json()
    assert (first["event"], first["status"], list(first["errors"])) == ("purchase", 400, ["Revenue"])
    assert (second["event"], second["status"], list(second["errors"])) == ("search", 401, ["Instance-Key"])
    assert first["at"] <= second["at"]


def test_only_the_newest_refusals_are_kept(client: FlaskClient) -> None:
    """The list of refusals is bounded; their number on the page is not."""
    for _ in range(memory.MOST_REFUSALS + 5):
        client.post("/api/purchase")
    assert len(client.get("/refused").get_json()) == memory.MOST_REFUSALS == 1_000
    assert "of 1,005" in page(client)


# --- catalogue


@pytest.mark.parametrize(
    ("event", "body", "unknown"),
    [
        ("purchase", {"ProductKeys": ["1", "x", "2", "y", "x"], "ProfileKey": "a"}, ["x", "y"]),
        ("purchase", {"ProductKeys": ["1", "2"], "ProfileKey": "a"}, []),
        ("pageview", {"ProductKey": "x", "ProfileKey": "a"}, ["x"]),
        ("itemclick", {"RequestId": "r", "ItemId": "x"}, ["x"]),
        ("search", {"SearchTerm": "x", "ProfileKey": "a"}, []),
    ],
)
def test_products_outside_the_catalogue_are_accepted_and_reported(
    event: str, body: dict[str, Any], unknown: list[str]
) -> None:
    """Tweakwise accepts any product key; the sandbox says which ones link to nothing, each once."""
    client = client_of(catalogue=["1", "2"])
    assert send(client, event, body).status_code == 204
    assert events(client)[0]["unknown_products"] == unknown
    assert ("Not in catalogue" in page(client)) == bool(unknown)


def test_without_a_catalogue_no_product_is_unknown(client: FlaskClient) -> None:
    """There is nothing to compare with."""
    send(client, "purchase", PURCHASE)
    assert events(client)[0]["unknown_products"] == []


# --- what is remembered


def test_events_are_numbered_in_order_of_arrival(client: FlaskClient) -> None:
    """Numbers count from 1, and the document says that it is an imitation."""
    for name in ("a", "b", "c"):
        view(client, name)
    document = client.get("/events").get_json()
    assert [(event["n"], event["body"]["ProfileKey"]) for event in document["events"]] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    assert (document["total"], document["dropped"]) == (3, 0)
    assert document["sandbox"] == "This is a local imitation, not Tweakwise."


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


def test_the_oldest_events_are_dropped_and_counted(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound the newest stay; the numbering goes on."""
    assert memory.MOST_EVENTS == 10_000
    monkeypatch.setattr(memory, "MOST_EVENTS", 3)
    for number in range(5):
        view(client, f"p{number}")
    document = client.get("/events").get_json()
    assert (document["total"], document["dropped"]) == (5, 2)
    assert [event["n"] for event in document["events"]] == [3, 4, 5]


def test_large_events_are_dropped_before_they_fill_the_machine(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes of the kept bodies are bounded too."""
    monkeypatch.setattr(memory, "MOST_EVENT_BYTES", 2_500)
    for _ in range(4):
        send(client, "search", {"SearchTerm": "x" * 1_000, "ProfileKey": "a"})
    document = client.get("/events").get_json()
    assert (document["dropped"], [event["n"] for event in document["events"]]) == (2, [3, 4])


def test_profiles_count_their_events_and_revenue_exactly(client: FlaskClient) -> None:
    """Ten times 0.1 is 1.0, as text."""
    for _ in range(10):
        send(client, "purchase", {"ProductKeys": ["1"], "ProfileKey": "a", "Revenue": 0.1})
    view(client, "a")
    document = client.get("/profiles").get_json()
    (profile,) = document["profiles"]
    assert (profile["instance_key"], profile["profile_key"]) == (KEY, "a")
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
    assert (document["evicted"], eviction["profile_key"], eviction["instance_key"]) == (1, "idle", KEY)
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
    shown = page(client, f"/profiles/{KEY}/a")
    assert '<td data-label="No.">3</td>' in shown
    assert '<td data-label="No.">1</td>' not in shown


@pytest.mark.parametrize("most", [0, -1])
def test_a_sandbox_without_room_for_a_profile_is_not_made(most: int) -> None:
    """The mistake is named at the start, not at the first call."""
    with pytest.raises(ValueError, match="max_profiles"):
        create_app(max_profiles=most)


def test_forgetting_clears_all_but_the_switches(client: FlaskClient) -> None:
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


def test_two_sandboxes_share_nothing(client: FlaskClient) -> None:
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
            send(client, "purchase", {**body, "ProfileKey": f"p{(thread + turn) % 7}"}).status_code
            for turn in range(100)
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


# --- trouble


def test_the_switches_are_off_at_first(client: FlaskClient) -> None:
    """GET /trouble shows what is in force."""
    assert client.get("/trouble").get_json() == OFF


@pytest.mark.parametrize("status", [300, 304, 401, 429, 500, 503, 599])
def test_a_failing_call_is_answered_as_told_and_is_no_event(client: FlaskClient, status: int) -> None:
    """The status is sent, the call is listed as refused by trouble, and nothing is kept."""
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
    """Pages and records answer as ever."""
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


def test_a_hanging_call_is_kept_but_not_answered() -> None:
    """The event counts at once, the answer comes only when the trouble is switched off (or after 30 seconds)."""
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
    """Only what was accepted is left without an answer."""
    client.post("/trouble", json={"hang": True})
    start = time.monotonic()
    assert send(client, "purchase", {}).status_code == 400
    assert time.monotonic() - start < 15


def test_deleting_the_trouble_switches_all_off(client: FlaskClient) -> None:
    """DELETE /trouble restores the well service."""
    client.post("/trouble", json={"status": 503, "retry_after": 1, "rate": 0.9, "delay_ms": 1, "hang": True})
    client.delete("/trouble")
    assert client.get("/trouble").get_json() == OFF
    assert send(client, "purchase", PURCHASE).status_code == 204


def test_a_setting_is_complete(client: FlaskClient) -> None:
    """What a setting leaves out is off, whatever was in force before."""
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
    """The form comes back with the fault and nothing changes."""
    answer = client.post("/trouble", data={name: str(value)})
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert 'class="fault"' in answer.get_data(as_text=True)
    assert client.get("/trouble").get_json() == OFF


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"1e999999", b"[" * 200_000, b'{"rate": NaN}'])
def test_unreadable_switches_are_answered_400(client: FlaskClient, raw: bytes) -> None:
    """Hostile bytes get faults here too."""
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


# --- pages


def test_the_page_says_what_it_is_and_what_to_do_when_empty(client: FlaskClient) -> None:
    """An empty sandbox tells how to send a first event."""
    shown = page(client)
    assert "This is a local imitation, not Tweakwise." in shown
    assert "No events yet. Send a sample:" in shown
    assert "python -m webhook_app send-sample shopify orders/create" in shown


def test_the_page_shows_events_newest_first(client: FlaskClient) -> None:
    """Instance, event, product keys, term and revenue are all there."""
    send(client, "purchase", PURCHASE)
    send(client, "search", VALID["search"])
    shown = page(client)
    assert shown.index("winterjas") < shown.index("100012345")
    for text in (KEY, "purchase", "100012346", "59.90", f"/profiles/{KEY}/{PROFILE}"):
        assert text in shown


def test_the_page_shows_refusals_with_the_reason(client: FlaskClient) -> None:
    """A refused call is on the page with its status and the sentence."""
    send(client, "purchase", with_field("Revenue", "1"))
    shown = page(client)
    assert "Must be a JSON number" in shown
    assert ">400<" in shown


def test_the_page_shows_the_switches_in_force(client: FlaskClient) -> None:
    """Nobody debugs a sender for an hour because a switch was forgotten."""
    assert "Trouble is switched on" not in page(client)
    client.post("/trouble", json={"status": 503, "rate": 0.5})
    shown = page(client)
    assert "Trouble is switched on" in shown
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
def test_what_strangers_send_is_escaped(
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
    link = next(part.split('"')[0] for part in page(client).split('href="')[1:] if part.startswith(f"/profiles/{KEY}/")
                and not part.startswith(f"/profiles/{KEY}/other"))  # fmt: skip
    answer = client.get(link)
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "mine" in shown
    assert "theirs" not in shown


@pytest.mark.parametrize("path", [f"/profiles/{KEY}/nobody", "/profiles/zzzz9999/a", f"/profiles/{KEY}/%ff"])
def test_a_profile_that_is_not_there_is_a_404_page(client: FlaskClient, path: str) -> None:
    """An unknown profile or account is told so in a page."""
    view(client, "a")
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "no such profile" in answer.get_data(as_text=True)


def test_healthz_answers_ok(client: FlaskClient) -> None:
    """The health check is a small JSON document."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/events"),
        ("DELETE", "/events"),
        ("GET", "/nowhere"),
        ("POST", "/api/purchase"),
        ("POST", "/api/refund"),
        ("POST", "/trouble"),
    ],
)
def test_every_answer_is_locked_down(client: FlaskClient, method: str, path: str) -> None:
    """No answer may load or run anything, whatever its status."""
    headers = client.open(path, method=method).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'; form-action")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_names_no_outside_host(client: FlaskClient) -> None:
    """It works without a network."""
    send(client, "purchase", PURCHASE)
    assert "http://" not in page(client)
    assert "https://" not in page(client)
