"""Hints about requests whose failure no change explains."""

from __future__ import annotations

import json

import pytest

from tests.support.signatures import (
    BODY,
    b64,
    diagnose_post,
    digest,
    verified_causes,
)


def test_headers_of_another_platform_are_a_hint() -> None:
    """A WooCommerce webhook was sent to the URL of a Shopify shop."""
    diagnosis = diagnose_post(
        BODY, b64(digest(BODY, "initech")), "x-wc-webhook-signature", x_wc_webhook_topic="order.created"
    )
    assert any("those of WooCommerce" in finding.text for finding in diagnosis.findings)


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        (BODY[:-5], {"content_length": str(len(BODY))}, "Content-Length"),
        (BODY, {"content_length": "²"}, "No known change"),
        (BODY, {"content_length": "9" * 5000}, "No known change"),
        (BODY, {"content_encoding": ""}, "No known change"),
        (BODY, {"content_encoding": "Identity, "}, "No known change"),
        (b"", {}, "empty"),
        (json.dumps({**dict.fromkeys("abcdefg", 1), "z": 2}).encode(), {}, "alphabetical"),
        (b'{"a":"\xef\xbf\xbd"}', {}, "U+FFFD"),
        (BODY, {"content_encoding": "gzip"}, "compressed"),
        (b'{"a":1}', {}, "No known change"),
    ],
)
def test_unexplained_request_gets_hints(body: bytes, more: dict[str, str], words: str) -> None:
    """Without a verified cause, whatever is unusual is reported as a hint."""
    diagnosis = diagnose_post(body, b64(digest(b"something else")), **more)
    assert any(words in finding.text for finding in diagnosis.findings)
    assert not verified_causes(diagnosis)
