"""Secrets that were changed when copied, or mixed up."""

from __future__ import annotations

import hmac

import pytest

from tests.support.signatures import (
    BODY,
    OLD,
    OTHERS,
    SALT,
    SECRET,
    SHOPS,
    b64,
    diagnose_post,
    digest,
    verified_causes,
)
from webhook_app.config import shops
from webhook_app.platforms import all_platforms
from webhook_app.signature_check import Configuration, diagnose

SECRETS: dict[str, tuple[str, str, str]] = {
    # what is configured, what the platform signs with, what is expected
    "trimmed": ("secret \n", "secret", "white space around it is removed"),
    "quoted": ("'\"secret\"'", "secret", "quotes around it"),
    "curly quotes": ("\u201csecret\u201d", "secret", "quotes around it"),
    "no-break space": ("sec\u00a0ret", "secret", "invisible characters"),
    "whsec": ("whsec_secret", "secret", "prefix whsec_ is removed"),
    "whsec lost": ("secret", "whsec_secret", "prefix whsec_ is added"),
    "html encoded": ("a&amp;b&lt;", "a&b<", "entities (&amp;) are decoded"),
    "html decoded": ("a&b<", "a&amp;b&lt;", "written as HTML entities"),
    "url encoded": ("a%2Bb%26", "a+b&", "URL-decoded"),
    "in base64": (b64(b"raw secret bytes"), "raw secret bytes", "decoded from base64"),
    "whsec in base64": (f"whsec_{b64(b'raw secret bytes')}", "raw secret bytes", "decoded from base64"),
    "in hex": (b"raw secret".hex(), "raw secret", "decoded from hex"),
    "to base64": ("raw secret", b64(b"raw secret"), "encoded in base64"),
    "wordpress": ("a<b>c%2fd  e", "acd e", "as WordPress saves it"),
    "two lines": ("secret\nNAME=other", "secret", "first line"),
    "case": ("SECRET", "secret", "lower case"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_secret_variant_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference between the configured secret and the real one is named, and neither is quoted."""
    configured, real, words = SECRETS[name]
    monkeypatch.setenv("CONFIGURED", configured)
    document = SHOPS.replace(f'["{SECRET}", "{OLD}"]', '["another-secret", "${CONFIGURED}"]')
    known = shops.parse(document, "SHOPS", all_platforms())
    headers = {"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": b64(digest(BODY, real))}
    diagnosis = diagnose(BODY, headers, known["acme"], Configuration(known, all_platforms()))
    [cause] = verified_causes(diagnosis)
    assert words in cause
    assert cause.startswith("Secret 2 of 2")


def test_key_bytes_that_are_not_text_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base64 secret may encode any bytes."""
    key = bytes(range(240, 256)) + bytes(16)
    monkeypatch.setenv("CONFIGURED", f"whsec_{b64(key)}")
    known = shops.parse(SHOPS.replace(f'["{SECRET}", "{OLD}"]', '["${CONFIGURED}"]'), "SHOPS", all_platforms())
    digest = b64(hmac.new(key, BODY, "sha256").digest())
    headers = {"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": digest}
    assert "base64" in verified_causes(diagnose(BODY, headers, known["acme"], Configuration(known, all_platforms())))[0]


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (OTHERS, "another shop: globex (shopify)"),
        ("initech-secret", "another shop: initech (woocommerce)"),
        (SALT, "profile_salt"),
        ("1234abcd", "instance key"),
        ("", "empty secret"),
    ],
)
def test_other_key_is_recognised(secret: str, words: str) -> None:
    """A secret of another shop, or for another purpose, is recognised and not quoted."""
    [cause] = verified_causes(diagnose_post(BODY, b64(digest(BODY, secret))))
    assert words in cause
    assert not secret or secret not in cause
