"""The calls over HTTP: content types, sizes, instance keys."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import (
    INSTANCE_KEY,
    PURCHASE,
    VALID,
    client_of,
    events,
    page,
    send,
    send_raw,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.mark.parametrize("event", VALID)
def test_valid_call_is_stored_unchanged(client: FlaskClient, event: str) -> None:
    """Every one of the eight calls is accepted with an empty answer and listed with its body unchanged."""
    answer = send(client, event, VALID[event])
    assert (answer.status_code, answer.data) == (204, b"")
    (stored,) = events(client)
    assert (stored["event"], stored["body"], stored["instance_key"]) == (event, VALID[event], INSTANCE_KEY)


def test_a_body_keeps_the_order_of_its_fields(client: FlaskClient) -> None:
    """Fields are listed in the order in which they were sent."""
    send_raw(client, b'{"Revenue": 1, "ProfileKey": "a", "ProductKeys": ["1"]}')
    shown = page(client, "/events")
    assert shown.index("Revenue") < shown.index("ProfileKey") < shown.index("ProductKeys")


@pytest.mark.parametrize("content_type", ["application/json", "text/json", "text/json; charset=utf-8"])
def test_both_documented_content_types_are_taken(client: FlaskClient, content_type: str) -> None:
    """The documentation says text/json; integrations send application/json."""
    assert send_raw(client, json.dumps(PURCHASE).encode(), content_type).status_code == 204


@pytest.mark.parametrize("headers", [{}, {"TWN-Source": "Internal-Traffic"}])
def test_the_source_header_is_recorded(client: FlaskClient, headers: dict[str, str]) -> None:
    """TWN-Source is stored, null without it."""
    send(client, "purchase", PURCHASE, **headers)
    assert events(client)[0]["source"] == headers.get("TWN-Source")


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
    """The length of a chunked body is measured, and a long one is refused, not cut."""
    answer = client.post(
        "/api/purchase",
        input_stream=io.BytesIO(json.dumps(PURCHASE).encode().ljust(size)),
        content_type="application/json",
        headers={"Instance-Key": INSTANCE_KEY, "Transfer-Encoding": "chunked"},
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


@pytest.mark.parametrize(("key", "status"), [(INSTANCE_KEY, 204), ("zzzz9999", 401), ("1234ABCD", 401)])
def test_only_listed_instance_keys_are_known(key: str, status: int) -> None:
    """When keys are listed, another one is refused although it is well-formed."""
    assert send(client_of(instance_keys=[INSTANCE_KEY]), "purchase", PURCHASE, key).status_code == status
