"""The registration of a Shopware app, by the requests that a real shop sent."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.recordings import FOLDER
from webhook_app.errors import RegistrationRefusedError
from webhook_app.platforms import registration
from webhook_app.platforms.registration import APP_SIGNATURE, PREVIOUS_SIGNATURE, SHOP_SIGNATURE, Registration

RECORDED = json.loads((FOLDER / "shopware/registration.json").read_text())
APP_SECRET, SECRET = RECORDED["app_secret"], RECORDED["confirmation"]["shop_secret"]
QUERY = RECORDED["request"]["path"].partition("?")[2].encode()
BODY = RECORDED["confirmation"]["body"].encode()
ASKED_AT = 1795660569
HEADERS, CONFIRM_HEADERS = (
    {name.lower(): value for name, value in RECORDED[which]["headers"].items()} for which in ("request", "confirmation")
)


def signed(message: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def ask(query: bytes = QUERY, now: float = ASKED_AT, headers: dict[str, str] | None = None) -> registration.Request:
    return registration.request(query, headers or HEADERS, APP_SECRET, now)


def query_of(shop_id: str = "MGxHaDHXc67pIvej", url: str = "http://127.0.0.1:26003", at: int = ASKED_AT) -> bytes:
    return f"shop-id={shop_id}&shop-url={url}&timestamp={at}".encode()


def begin(known: Registration, query: bytes = QUERY, secret: str = SECRET, **headers: str) -> Registration:
    given = {APP_SIGNATURE: signed(query, APP_SECRET), **{name.replace("_", "-"): one for name, one in headers.items()}}
    return registration.begun(known, ask(query, headers=given, now=time_of(query)), query, given, secret)


def time_of(query: bytes) -> int:
    return int(query.rpartition(b"=")[2])


def confirm(known: Registration, now: float = ASKED_AT, body: bytes = BODY, **headers: str) -> Registration:
    return registration.confirmed(known, body, {**CONFIRM_HEADERS, **headers}, now)


REGISTERED = confirm(begin(Registration()))


def again(known: Registration, at: int) -> Registration:
    """Register again, with the secret "new", in the way of Shopware 6.5."""
    body = json.dumps({**json.loads(BODY), "timestamp": str(at)}).encode()
    pending = begin(known, query_of(at=at), "new")
    return registration.confirmed(pending, body, {SHOP_SIGNATURE: signed(body, "new")}, at)


def test_the_recorded_requests_register() -> None:
    """What a real shop sent is accepted, and what it sent later is signed with the secret that it was given."""
    asked = ask()
    assert (asked.shop_id, asked.shop_url) == ("MGxHaDHXc67pIvej", "http://127.0.0.1:26003")
    assert REGISTERED.secrets(ASKED_AT) == (SECRET,)
    assert REGISTERED.api_key == "SWIASLFHC01XY29MZ3NDCFN4CW"
    assert registration.read(REGISTERED.as_json()) == REGISTERED


def test_the_answer_is_that_of_the_documentation() -> None:
    """It covers the shop's id and address as they were sent, and the app's name."""
    expected = signed(b"MGxHaDHXc67pIvejhttp://127.0.0.1:26003TweakwiseEvents", APP_SECRET)
    assert ask().answered("TweakwiseEvents", APP_SECRET) == expected


@pytest.mark.parametrize(
    ("query", "now", "headers", "reason"),
    [
        (QUERY + b"&", ASKED_AT, HEADERS, "signature_mismatch"),
        (QUERY, ASKED_AT, {}, "signature_missing"),
        (QUERY, ASKED_AT, {APP_SIGNATURE: "\u20ac"}, "signature_mismatch"),
        (QUERY, ASKED_AT + 301, HEADERS, "timestamp_too_old"),
        (QUERY, ASKED_AT - 301, HEADERS, "timestamp_too_new"),
        (b"shop-id=a&shop-url=b&timestamp=soon", ASKED_AT, None, "timestamp_malformed"),
        (b"shop-id=a&shop-url=b", ASKED_AT, None, "timestamp_malformed"),
        (b"shop-url=b&timestamp=1795660569", ASKED_AT, None, "shop_id_missing"),
        (b"shop-id=a&timestamp=1795660569", ASKED_AT, None, "shop_url_missing"),
        (b"shop-id=a&shop-id=b&shop-url=c&timestamp=1795660569", ASKED_AT, None, "parameter_repeated"),
        (b"\xff%ff&&==;\0", ASKED_AT, None, "timestamp_malformed"),
        (b"x" * 3000, ASKED_AT, None, "signature_mismatch"),
    ],
)
def test_other_requests_are_refused(query: bytes, now: float, headers: dict[str, str] | None, reason: str) -> None:
    """Whatever an attacker or a shop sends; None signs it rightly."""
    with pytest.raises(RegistrationRefusedError) as refused:
        ask(query, now, {APP_SIGNATURE: signed(query, APP_SECRET)} if headers is None else {**headers, "x": "y"})
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("body", "now", "reason"),
    [
        (BODY + b" ", ASKED_AT, "signature_mismatch"),
        (BODY, ASKED_AT + 301, "timestamp_too_old"),
        (BODY, ASKED_AT + 601, "not_asked"),
        (BODY.replace(b"MGxHaDHXc67pIvej", b"another"), ASKED_AT, "other_shop"),
        (BODY.replace(b"26003", b"26004"), ASKED_AT, "other_shop"),
        (BODY.replace(b"apiKey", b"other"), ASKED_AT, "malformed"),
        (b"[]", ASKED_AT, "malformed"),
        (b"[" * 9999, ASKED_AT, "malformed"),
        (b"{" + b" " * 20_000 + b"}", ASKED_AT, "too_large"),
    ],
)
def test_other_confirmations_are_refused(body: bytes, now: float, reason: str) -> None:
    """A confirmation is signed with the new secret, soon, and about the shop that asked; nothing else changes."""
    signature = CONFIRM_HEADERS[SHOP_SIGNATURE] if body == BODY + b" " else signed(body, SECRET)
    with pytest.raises(RegistrationRefusedError) as refused:
        registration.confirmed(begin(Registration()), body, {SHOP_SIGNATURE: signature}, now)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://a.example",
            "a.example",
            "http:///x",
            "https://a.example/%3Fx=",
            "https://a.example/%23",
            "http://[::",
        ),
        *("https://user@a.example", "http://a.example:99999", "http://169.254.169.254", "http://[fe80::1]"),
        *(
            "http://[::ffff:169.254.169.254]/latest",
            "http://0.0.0.0",
            "https://a.example/%0d%0aX:y",
            "file:///etc/passwd",
        ),
    ],
)
def test_an_address_that_chooses_what_is_asked_is_refused(url: str) -> None:
    """The receiver adds the paths of the API to it, and sends credentials there."""
    query = query_of(url=url)
    with pytest.raises(RegistrationRefusedError) as refused:
        ask(query, headers={APP_SIGNATURE: signed(query, APP_SECRET)})
    assert refused.value.reason == "shop_url_missing"


def test_nothing_is_confirmed_that_was_not_asked() -> None:
    """Without a request there is no secret; an empty one signs nothing."""
    with pytest.raises(RegistrationRefusedError):
        registration.confirmed(Registration(), BODY, {SHOP_SIGNATURE: signed(BODY, "")}, ASKED_AT)


def test_a_repetition_changes_nothing() -> None:
    """The same request fetches no secret and takes none away; a repeated confirmation is confirmed already."""
    with pytest.raises(RegistrationRefusedError, match="replayed"):
        begin(begin(Registration()), secret="another")
    assert confirm(REGISTERED) == REGISTERED


@pytest.mark.parametrize("at", [ASKED_AT - 1, ASKED_AT])
def test_an_old_request_is_a_replay(at: int) -> None:
    """What was signed before the last registration would replace its secret."""
    with pytest.raises(RegistrationRefusedError, match="replayed"):
        begin(REGISTERED, query_of(at=at))


def test_the_old_secret_counts_for_a_minute() -> None:
    """Webhooks that are on their way were signed with it."""
    newer = again(REGISTERED, ASKED_AT + 9)
    assert newer.secrets(ASKED_AT + 9 + 59) == ("new", SECRET)
    assert newer.secrets(ASKED_AT + 9 + 60) == ("new",)
    assert begin(REGISTERED, query_of(at=ASKED_AT + 9), "new").secrets(ASKED_AT + 9) == (SECRET,)


def test_another_installation_is_refused() -> None:
    """A copy of the shop has an id of its own; a domain that changes has not."""
    with pytest.raises(RegistrationRefusedError, match="other_shop"):
        begin(REGISTERED, query_of("copy", at=ASKED_AT + 9))
    moved = begin(REGISTERED, query_of(url="https://new.example", at=ASKED_AT + 9), "new")
    assert (moved.shop_url, moved.pending_url) == ("http://127.0.0.1:26003", "https://new.example")


def test_after_the_app_was_removed_any_installation_may_register() -> None:
    """Its secret counts for a minute, and its credentials are forgotten."""
    gone = registration.removed(REGISTERED, ASKED_AT + 1)
    assert (gone.secret, gone.api_key, gone.api_secret) == ("", "", "")
    assert gone.secrets(ASKED_AT + 60) == (SECRET,)
    assert gone.secrets(ASKED_AT + 61) == ()
    assert begin(gone, query_of("copy", at=ASKED_AT + 9), "new").pending_id == "copy"
    installed = again(gone, ASKED_AT + 9)
    assert installed.secrets(ASKED_AT + 60) == ("new", SECRET)
    assert installed.secrets(ASKED_AT + 61) == ("new",)


def test_a_signature_with_the_present_secret() -> None:
    """A newer Shopware signs a new registration with the present secret too: then it has to be right, and stays."""
    query = query_of(at=ASKED_AT + 9)
    twice = begin(REGISTERED, query, "new", shopware_shop_signature=signed(query, SECRET))
    assert twice.is_double_signed
    with pytest.raises(RegistrationRefusedError, match="signature_mismatch"):
        begin(REGISTERED, query, shopware_shop_signature=signed(query, "wrong"))
    with pytest.raises(RegistrationRefusedError, match="signature_mismatch"):
        begin(replace(REGISTERED, is_double_signed=True), query)
    body = json.dumps({**json.loads(BODY), "timestamp": str(ASKED_AT + 9)}).encode()
    headers: dict[str, Any] = {SHOP_SIGNATURE: signed(body, "new")}
    wrong = {PREVIOUS_SIGNATURE: signed(body, "wrong")}
    for previous in ({}, wrong):
        with pytest.raises(RegistrationRefusedError, match="signature_mismatch"):
            registration.confirmed(twice, body, headers | previous, ASKED_AT + 9)
    headers[PREVIOUS_SIGNATURE] = signed(body, SECRET)
    assert registration.confirmed(twice, body, headers, ASKED_AT + 9).secret == "new"


def test_no_secret_is_in_a_refusal() -> None:
    """Refusals are logged."""
    with pytest.raises(RegistrationRefusedError) as refused:
        begin(REGISTERED, query_of("copy", at=ASKED_AT + 9))
    assert SECRET not in repr(refused.value) + refused.value.hint
