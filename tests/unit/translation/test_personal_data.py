"""No personal data is sent as a key in any of the listed forms, and no honest key is refused."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.support import personal_forms
from webhook_app.translation.personal_data import looks_personal
from webhook_app.translation.profile_key import is_usable

COUNT, SEED = 10_000, 20261127


def test_no_personal_data_is_sent() -> None:
    """Of 10,000 generated e-mail addresses, numbers and IP addresses, encoded in eleven ways, none is."""
    forms = personal_forms.personal(Random(SEED), COUNT)
    sent = [(kind, form) for kind, form in forms if is_usable(form)]
    assert not sent, (Counter(kind for kind, _ in sent), sent[:20])


def test_no_honest_key_is_refused() -> None:
    """Of 10,000 generated UUIDs, hashes and ids, none is."""
    refused = [key for key in personal_forms.honest(Random(SEED), COUNT) if not is_usable(key)]
    assert not refused, refused[:20]


@pytest.mark.parametrize(
    "key",
    [
        "jane.roe$example.com",
        "jane.roe_example.com",
        "jane.roe.example.com",
        "jane$roe$example$com",
        "JANE-ROE-GMAIL-COM",
        "cust_0612345678",
        "c31612345678",
        "bsn-123456782",
        "NL91ABNA0417164300",
        "nl91-abna-0417-1643-00",
        "iban_NL91ABNA0417164300",
        "CH9300762011623852957",
        "12345678Z",
        "X1234567L",
        "RSSMRA85T10A562S",
        "AB123456C",
        "131052-308T",
        "10.0.0.1",
        "198-51-100-77",
        "ip-198-51-100-77",
        "2001-db8-dead-beef--42",
        "2001.db8..1",
        "fe80--1",
        "amFuZS5yb2VAZXhhbXBsZS5jb20",
        "6a616e652e726f65406578616d706c652e636f6d",
        "0x6a616e652e726f65406578616d706c652e636f6d",
        "amFuZS5yb2UlNDBleGFtcGxlLmNvbQ==",
        "MDYxMjM0NTY3OA=3D=3D",
        "0612345678_nl",
        "06-12345678.v2",
        "0612345678_1",
        "198.51.100.77-nl",
        "uES9121000418450200051332",
        "nl91abna0417164300-nl",
    ],
)
def test_personal_data_is_recognised(key: str) -> None:
    """Forms that storefronts were seen to write, or that are close to them."""
    assert looks_personal(key)


@pytest.mark.parametrize(
    "key",
    [
        "4711",
        "cust-48213",
        "NL12ABCD",
        "MD24AG000225100013104169",
        "12345678A",
        "1.2.3",
        "1.2.3.4.5",
        "300.1.1.1",
        "abc.def",
        "a.b.c",
        "V1StGXR8_Z5jdHi6B-myT",
        "deadbeef--42",
        "725521637559584053",
        "fb.1.1731500000000.1234567890",
        "GA1.2.123.456",
        "wc_order_4ofQjQxIYrlBo",
        "t_0f1e2d3c4b5a69788796a5b4c3d2e1",
        "gid-shopify-Customer-7596174939722",
    ],
)
def test_what_only_resembles_it_is_sent(key: str) -> None:
    """Too short, with a wrong check digit, or without the beginning that is in use."""
    assert not looks_personal(key)
