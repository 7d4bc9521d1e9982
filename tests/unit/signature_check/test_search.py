"""diagnose: the cause of a failing signature is found, on every platform."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import EVERY, SIGNED, Recorded
from tests.support.signatures import (
    ARRIVED,
    BODY,
    KEY,
    OTHERS,
    RAW,
    RIGHT,
    SIGNED_AT,
    VIEW,
    b64,
    configuration_for,
    diagnose_post,
    diagnose_standard,
    digest,
    standard,
    verified_causes,
)
from tests.support.tables import for_each
from webhook_app.platforms import all_platforms
from webhook_app.signature_check import diagnose


@for_each("one", EVERY, ids=lambda one: one.name)
def test_genuine_requests_are_accepted(one: Recorded) -> None:
    """Requests that the receiver accepts, pings included, have no finding."""
    assert not diagnose(one.body, one.headers, one.shop, configuration_for(one), ARRIVED).reason


@pytest.mark.parametrize("name", all_platforms())
def test_signature_is_described(name: str) -> None:
    """The description names the headers that sign() writes, and the time of the signature."""
    signature = all_platforms()[name].signature.with_clock_at(ARRIVED)
    secret = signature.encode_secret(bytes(range(100, 140)))
    headers = signature.sign(b"{}", secret)
    description = signature.describe(headers)
    assert {names[0] for names in description.headers} == set(headers)
    assert description.sent_at in (None, ARRIVED)
    signature.verify(b"{}", headers, [secret])


@for_each("one", SIGNED[::6], ids=lambda one: one.name)
def test_added_line_end_is_found_on_every_platform(one: Recorded) -> None:
    """A new platform needs no code of its own to be diagnosed."""
    diagnosis = diagnose(one.body + b"\n", one.headers, one.shop, configuration_for(one), ARRIVED)
    assert verified_causes(diagnosis) == ["A line end was added after the body."]


def test_missing_topic_is_named() -> None:
    """The signature is valid, the topic is missing."""
    diagnosis = diagnose_post(BODY, b64(RAW), x_shopify_topic="")
    assert diagnosis.reason == "topic_missing"
    assert "x-shopify-topic" in verified_causes(diagnosis)[0]


@pytest.mark.parametrize(
    ("body", "digest", "words"),
    [
        (BODY + b"\n", b64(digest(BODY, OTHERS)), ["line end", "another shop: globex"]),
        (BODY + b"\n", RAW.hex(), ["hex instead", "line end"]),
        (BODY, digest(BODY, OTHERS).hex(), ["hex instead", "another shop: globex"]),
    ],
)
def test_two_changes_are_named(body: bytes, digest: str, words: list[str]) -> None:
    """The first change does not hide the second."""
    for cause, expected in zip(verified_causes(diagnose_post(body, digest)), words, strict=True):
        assert expected in cause


STANDARD: dict[str, tuple[dict[str, str], bytes, str]] = {
    "body": (RIGHT, VIEW + b"\n", "line end was added"),
    "text as key": (standard(f"whsec_{KEY}".encode()), VIEW, "its text is used as the key"),
    "text behind whsec_ as key": (standard(KEY.encode()), VIEW, "prefix whsec_"),
    "another shop": (standard(OTHERS.encode()), VIEW, "another shop: globex (shopify)"),
    "hex": (
        {**RIGHT, "webhook-signature": f"v1,{base64.b64decode(RIGHT['webhook-signature'][3:]).hex()}"},
        VIEW,
        "hex instead of base64",
    ),
    "no version": ({**RIGHT, "webhook-signature": RIGHT["webhook-signature"][3:]}, VIEW, "prefix v1, is missing"),
    "svix": ({name.replace("webhook", "svix"): value for name, value in RIGHT.items()}, VIEW, "begin with svix-"),
    "sha512": (standard(way="sha512"), VIEW, "HMAC-SHA512"),
    "id lost": (
        {"x-webhook-id": "msg_1", **{name: RIGHT[name] for name in RIGHT if name != "webhook-id"}},
        VIEW,
        "x-webhook-id",
    ),
}


@pytest.mark.parametrize("name", STANDARD)
def test_standard_webhooks_are_explained(name: str) -> None:
    """Id and time are signed as well, and the secret is base64."""
    headers, body, words = STANDARD[name]
    assert not diagnose_standard(RIGHT).reason
    [cause] = verified_causes(diagnose_standard(headers, body))
    assert words in cause


@pytest.mark.parametrize(
    ("arrived", "words"),
    [
        (SIGNED_AT + 3600, "60 minutes old when it was received"),
        (SIGNED_AT - 3600, "60 minutes ahead"),
        (None, "old now"),
    ],
)
def test_wrong_time_is_named(arrived: float | None, words: str) -> None:
    """If only the time is wrong, it is the cause; a recorded request is judged by when it was received."""
    diagnosis = diagnose_standard(RIGHT, arrived=arrived)
    assert diagnosis.reason.startswith("timestamp_too_")
    assert words in verified_causes(diagnosis)[0]


def test_old_request_is_searched_too() -> None:
    """A wrong time does not hide other causes."""
    diagnosis = diagnose_standard(RIGHT, VIEW + b"\n", arrived=None)
    assert verified_causes(diagnosis) == ["A line end was added after the body."]
    assert any("old now" in finding.text for finding in diagnosis.findings if not finding.verified)


@given(st.binary(max_size=300), st.text(max_size=80), st.text(max_size=40))
def test_any_request_gives_a_diagnosis(body: bytes, digest: str, other: str) -> None:
    """Any body and any headers give a diagnosis."""
    assert diagnose_post(body, digest, x_signature=other).reason
