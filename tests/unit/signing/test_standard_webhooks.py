"""StandardWebhooks against the published vector and the official library, and every request that is refused."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from webhook_app.config import shops
from webhook_app.errors import BadSignatureError, ConfigurationError
from webhook_app.platforms import all_platforms
from webhook_app.signing.standard_webhooks import StandardWebhooks

# https://github.com/standard-webhooks/standard-webhooks libraries/javascript/src/webhook.test.ts (MIT)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = 1614265330
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
DIGEST = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": f"v1,{DIGEST}"}

OTHER = "whsec_" + base64.b64encode(b"another key of thirty-two bytes.").decode()
SIGNATURE = StandardWebhooks(clock=lambda: AT)
PLATFORM = all_platforms()["standard"]
ODD_TEXT = st.text(st.characters(), max_size=60)


def official(secret: str | bytes, body: str = BODY.decode(), identity: str = ID, at: int = AT) -> str:
    """A signature that the official library made."""
    return Webhook(secret).sign(identity, datetime.fromtimestamp(at, UTC), body)


def headers_with(signature: str, **changed: str) -> dict[str, str]:
    return {
        **HEADERS,
        "webhook-signature": signature,
        **{name.replace("_", "-"): text for name, text in changed.items()},
    }


def refusal(
    headers: dict[str, str], *secrets: str, body: bytes = BODY, signature: Any = SIGNATURE
) -> BadSignatureError:
    with pytest.raises(BadSignatureError) as refused:
        signature.verify(body, headers, secrets or [SECRET])
    return refused.value


@pytest.mark.parametrize(
    "secret",
    [SECRET, SECRET.removeprefix("whsec_"), f"v1,{SECRET}", f" {SECRET}\n"],
    ids=["with its prefix", "without", "as some providers show it", "with white space"],
)
def test_vector_passes(secret: str) -> None:
    """The published vector is accepted, however its secret is written."""
    SIGNATURE.verify(BODY, HEADERS, [secret])


def test_vector_is_reproduced() -> None:
    """sign() writes the headers that were published."""
    assert SIGNATURE.sign(BODY, SECRET, ID) == HEADERS


def test_official_library_accepts_what_is_signed() -> None:
    """A sample that `send-sample` signs is genuine to the official library, now."""
    assert Webhook(OTHER).verify(BODY, StandardWebhooks().sign(BODY, OTHER)) == {"test": 2432232314}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.binary(min_size=24, max_size=64))
def test_what_the_official_library_signs_passes(body: str, key: bytes) -> None:
    """Any text under any key is accepted as the official library signs it."""
    SIGNATURE.verify(body.encode(), headers_with(official(key, body)), [base64.b64encode(key).decode()])


def test_key_without_padding() -> None:
    """A secret whose base64 lost its = signs like the whole one, as in the official library."""
    bare = OTHER.rstrip("=")
    assert bare != OTHER
    SIGNATURE.verify(BODY, headers_with(official(bare)), [bare])
    SIGNATURE.verify(BODY, headers_with(official(bare)), [OTHER])


@pytest.mark.parametrize(
    "given_signatures",
    [
        "v1,{wrong} v1,{right}",
        "v1,{right} v1,{wrong}",
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== v1,{right}",
        "v2,{wrong}  v1,{right} nonsense",
        "v1,{right} v1,é",
    ],
)
def test_one_of_several_signatures_is_enough(given_signatures: str) -> None:
    """While the sender rotates, or signs in other ways too, one that matches is enough."""
    text = given_signatures.format(right=DIGEST, wrong=official(OTHER)[3:])
    SIGNATURE.verify(BODY, headers_with(text), [SECRET])


@pytest.mark.parametrize("secret", [SECRET, OTHER], ids=["newest", "rotated"])
def test_any_of_several_secrets_passes(secret: str) -> None:
    """While the receiver rotates, requests signed with either secret pass."""
    SIGNATURE.verify(BODY, headers_with(official(secret)), [SECRET, OTHER])


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_five_minutes_both_ways(seconds: int) -> None:
    """A time up to five minutes before or after ours passes."""
    replace(SIGNATURE, clock=lambda: AT + seconds).verify(BODY, HEADERS, [SECRET])


@pytest.mark.parametrize(("seconds", "reason"), [(301, "timestamp_too_old"), (-301, "timestamp_too_new")])
def test_beyond_five_minutes_is_refused(seconds: int, reason: str) -> None:
    """A recorded request cannot be sent again later, and the reason says in which direction the clocks differ."""
    refused = refusal(HEADERS, signature=replace(SIGNATURE, clock=lambda: AT + seconds))
    assert (refused.reason, "5 minutes" in refused.hint) == (reason, True)


@pytest.mark.parametrize("clock", [1614265330.9, 1614265629.9])
def test_the_clock_may_have_fractions(clock: float) -> None:
    """A clock may return fractions of a second."""
    replace(SIGNATURE, clock=lambda: clock).verify(BODY, HEADERS, [SECRET])


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("webhook-id", "id_missing"),
        ("webhook-timestamp", "timestamp_missing"),
        ("webhook-signature", "signature_missing"),
    ],
)
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_missing_header_is_named(header: str, reason: str, value: str | None) -> None:
    """Without one of its three headers a request is refused by the name of that header."""
    headers = {name: text for name, text in HEADERS.items() if name != header} | (
        {} if value is None else {header: value}
    )
    refused = refusal(headers)
    assert (refused.reason, header in refused.hint) == (reason, True)


@pytest.mark.parametrize(
    ("header", "text", "reason"),
    [
        *[("webhook-timestamp", text, "timestamp_malformed") for text in ("now", "1614265330.0", "-5", "+1", "1e9")],
        *[("webhook-timestamp", text, "timestamp_malformed") for text in (" 1614265330", "١٢٣", "9" * 13, "0x1")],
        *[("webhook-timestamp", text, "timestamp_malformed") for text in ("2021-02-25T15:02:10Z", "1614265330\n")],
        ("webhook-timestamp", "1614265330000", "timestamp_malformed"),
        ("webhook-timestamp", "999999999999", "timestamp_too_new"),
        ("webhook-timestamp", "0", "timestamp_too_old"),
        *[("webhook-id", text, "id_malformed") for text in ("a.b", "a b", "é", "\ud800", "x" * 129, "\x00", "a\n")],
        *[("webhook-signature", text, "signature_malformed") for text in (DIGEST, "v1", "v1=" + DIGEST, "v1a,xx")],
        *[("webhook-signature", text, "signature_malformed") for text in (" ", ",", "V1," + DIGEST, "\ud800", "v1 ,x")],
        *[("webhook-signature", text, "signature_mismatch") for text in ("v1,", "v1,é", "v1,\ud800", "v1,v1,x")],
        *[
            ("webhook-signature", f"v1,{text}", "signature_mismatch")
            for text in (DIGEST[:-1], f"{DIGEST}=", f'"{DIGEST}"')
        ],
        ("webhook-signature", f"v1,{DIGEST},v1,{DIGEST}", "signature_mismatch"),
        ("webhook-id", "msg_other", "signature_mismatch"),
        ("webhook-timestamp", str(AT + 1), "signature_mismatch"),
        ("webhook-timestamp", f"0{AT}", "signature_mismatch"),
    ],
)
def test_odd_header_is_named(header: str, text: str, reason: str) -> None:
    """A header that is not what the specification says is refused by name."""
    assert refusal({**HEADERS, header: text}).reason == reason


@pytest.mark.parametrize("body", [BODY + b" ", b" " + BODY, BODY[:-1], b""])
def test_changed_body_is_a_mismatch(body: bytes) -> None:
    """One byte more or less, and it is not what was signed."""
    assert refusal(HEADERS, body=body).reason == "signature_mismatch"


def test_id_and_timestamp_cannot_be_split_elsewhere() -> None:
    """A signature for one id and timestamp does not verify another split of the same bytes."""
    moved = headers_with(official(SECRET, f"{AT}.1", "msg_1"), webhook_id=f"msg_1.{AT}")
    assert refusal(moved, body=b"1").reason == "id_malformed"


@pytest.mark.parametrize(
    ("signature", "sentence"),
    [
        (official(SECRET.encode()), "The request is signed with the text of the secret as key"),
        (official(SECRET.removeprefix("whsec_").encode()), "The request is signed with the text of the secret as key"),
        (f"v1,{base64.b64decode(DIGEST).hex()}", "The signature is a hex digest"),
        (f"v1,{DIGEST},v1,{DIGEST}", "The signature header was sent more than once"),
        (f"v1,sha256={DIGEST}", "The signature has a prefix such as sha256="),
        (f"v1,{DIGEST.rstrip('=')}", "The signature lacks the = at its end"),
        (f"v1,{'-' * 43}=", "The signature is in URL-safe base64"),
        (official(OTHER), "The signature does not match: the configured secret is not this webhook's secret"),
    ],
    ids=[
        "whole secret as the key",
        "its base64 as the key",
        "hex",
        "doubled",
        "prefix",
        "unpadded",
        "URL-safe",
        "other",
    ],
)
def test_mismatch_hints_at_its_cause(signature: str, sentence: str) -> None:
    """The hint names what to correct."""
    refused = refusal(headers_with(signature))
    assert (refused.reason, refused.hint.startswith(sentence)) == ("signature_mismatch", True)


def test_refusal_reveals_no_secret() -> None:
    """Neither reason nor hint holds a secret, the digest or the body."""
    refused = refusal(headers_with(official(SECRET.encode())))
    assert not any(text in f"{refused} {refused.hint}" for text in (SECRET[6:], DIGEST, BODY.decode()))


@given(
    st.dictionaries(st.sampled_from(list(HEADERS)), ODD_TEXT),
    st.dictionaries(st.sampled_from(list(HEADERS)), st.just(None)),
    st.binary(max_size=100),
    st.lists(ODD_TEXT, max_size=3),
)
def test_verify_raises_nothing_else(
    odd: dict[str, str], genuine: dict[str, None], body: bytes, secrets: list[str]
) -> None:
    """Any bytes, header texts and secrets end in BadSignatureError, never in another exception."""
    headers = {**odd, **{name: HEADERS[name] for name in genuine}}
    assert refusal(headers, *secrets, body=body if body != BODY else b"", signature=SIGNATURE).hint


@given(st.binary(max_size=100) | st.just(b"[" * 100_000) | st.just(b'{"type": ' + b"9" * 5000 + b"}"))
def test_every_verified_body_has_a_topic(body: bytes) -> None:
    """A verified body is stored whatever it holds; the worker decides whether it is readable."""
    assert PLATFORM.verify(body, PLATFORM.signature.sign(body, SECRET), [SECRET]).topic == "untyped"


@pytest.mark.parametrize(
    ("body", "topic"),
    [
        (b'{"type": "purchase"}', "purchase"),
        (b'{"type": "Someone.Elses"}', "Someone.Elses"),
        (b'{"type": "two words"}', "untyped"),
        (b'{"type": "caf\xc3\xa9"}', "untyped"),
        (b'{"type": ["purchase"]}', "untyped"),
        (b'["type"]', "untyped"),
        (b'"type"', "untyped"),
        (b"null", "untyped"),
    ],
)
def test_topic_is_the_bodys_type(body: bytes, topic: str) -> None:
    """The topic is the "type" in the body."""
    assert PLATFORM.verify(body, PLATFORM.signature.sign(body, SECRET), [SECRET]).topic == topic


def test_identity_is_the_webhook_id() -> None:
    """The identity of a delivery is its webhook-id."""
    envelope = PLATFORM.verify(BODY, PLATFORM.signature.sign(BODY, SECRET, "msg_7"), [SECRET])
    assert (envelope.identity, set(envelope.headers)) == ("msg_7", {"webhook-id", "webhook-timestamp"})


@pytest.mark.parametrize(
    ("secret", "sentence"),
    [
        ("not base64!", "number 2 is not base64"),
        ("whsec_", "number 2 is not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaL", "number 2 is not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", "number 2 is not base64"),
        ("whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "number 2 is not base64"),
        ("gehéim", "number 2 is not base64"),
        ("password", "number 2 is a key of 6 bytes, but at least 24 are required"),
    ],
)
def test_secret_that_is_no_key_is_a_fault(secret: str, sentence: str) -> None:
    """An unusable secret is a configuration fault that names its line and number, without quoting it."""
    text = f'[shops.acme]\nplatform = "standard"\ninstance_key = "1234abcd"\nsecrets = ["{SECRET}", "{secret}"]\n'
    with pytest.raises(ConfigurationError) as refused:
        shops.parse(text, "shops.toml", all_platforms())
    (fault,) = refused.value.faults
    assert fault.startswith(f"shops.toml:4: shops.acme.secrets: {sentence}")
    assert "openssl rand -base64 32" in fault
    assert secret == "whsec_" or secret not in fault


def test_sign_refuses_a_secret_that_is_no_key() -> None:
    """Nothing is signed with what only looks like a secret."""
    with pytest.raises(ConfigurationError, match="is not base64"):
        SIGNATURE.sign(BODY, "not base64!")
