"""Signature headers that were renamed or written in another way."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.support.signatures import (
    BODY,
    RAW,
    SECRET,
    b64,
    diagnose_post,
    digest,
    verified_causes,
)

WRITINGS = {
    "hex": (RAW.hex(), "hex instead of base64"),
    "upper hex": (RAW.hex().upper(), "hex instead of base64"),
    "prefixed": (f"sha256={b64(RAW)}", "before the digest"),
    "prefixed hex": (f"sha256={RAW.hex()}", "hex instead of base64"),
    "quoted": (f'"{b64(RAW)}"', "quotes around it"),
    "url-safe": (base64.urlsafe_b64encode(RAW).decode().rstrip("="), "URL-safe base64"),
    "unpadded": (b64(RAW).rstrip("="), "without the = at its end"),
    "doubled": (f"{b64(RAW)},{b64(RAW)}", "more than once"),
    "doubled, first is another": (f"{b64(RAW[::-1])}, {b64(RAW)}", "more than once"),
    "base64 of hex": (b64(RAW.hex().encode()), "hex digits were encoded in base64"),
    "sha1": (b64(digest(BODY, way="sha1")), "HMAC-SHA1"),
    "sha512": (digest(BODY, way="sha512").hex(), "HMAC-SHA512"),
    "plain sha256": (hashlib.sha256(BODY + SECRET.encode()).hexdigest(), "without HMAC"),
}


@pytest.mark.parametrize("name", WRITINGS)
def test_other_way_to_write_the_digest_is_named(name: str) -> None:
    """The digest is right, but written in another way."""
    digest, words = WRITINGS[name]
    [cause] = verified_causes(diagnose_post(BODY, digest))
    assert words in cause


@pytest.mark.parametrize(("sent", "came"), [("+", " "), ("+", "%2B"), ("/", "%2F")])
def test_url_coding_of_the_header_is_named(sent: str, came: str) -> None:
    """+ and / of base64 were URL-coded on the way."""
    body = next(text for text in (b'{"n":%d}' % number for number in range(99)) if sent in b64(digest(text)))
    [cause] = verified_causes(diagnose_post(body, b64(digest(body)).replace(sent, came)))
    assert "URL-" in cause


def test_renamed_header_is_named() -> None:
    """The signature was received under another name."""
    [cause] = verified_causes(diagnose_post(BODY, b64(RAW), "x-hub-signature-256"))
    assert "x-hub-signature-256" in cause
    assert "x-shopify-hmac-sha256" in cause


def test_missing_header_is_named() -> None:
    """Without any signature the missing header is named."""
    diagnosis = diagnose_post(BODY, "", "x-nothing")
    assert diagnosis.reason == "signature_missing"
    assert "has no x-shopify-hmac-sha256" in diagnosis.findings[0].text
