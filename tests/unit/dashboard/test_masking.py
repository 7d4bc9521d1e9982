"""Masking: which fields of a body, an event and a call are shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.events import Line, Payment, Purchase, Visitor
from webhook_app.dashboard import masking


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("id", 7, True), ("financial_status", "paid", True), ("sku", "MUG", True), ("price", "9.95", True),
        ("created_at", "2026-11-27", True), ("customer_locale", "nl-NL", True), ("test", True, True),
        ("email", "a@b.nl", False), ("contact_email", "a@b.nl", False), ("phone", 31612345678, False),
        ("note", "ring twice", False), ("order_status_url", "https://x/y", False), ("customer_id", 42, False),
        ("browser_ip", "203.0.113.9", False), ("name", "Jan Jansen", False), ("cart_token", "abc", False),
        ("profile_key", "k", False), ("user_agent", "Mozilla", False), ("whatever_comes_next", "x", False),
        ("term", "jan jansen", False),
    ],
)  # fmt: skip
def test_unknown_fields_are_masked(key: str, value: object, shown: bool) -> None:
    """A field is masked unless it is known to be harmless."""
    assert (masking.masked({key: value}) == {key: value}) is shown


def test_search_term_is_masked_in_the_call() -> None:
    """Keys and amounts are shown."""
    sent = '{"ProfileKey":"k","SearchTerm":"jan jansen"}'
    assert "jan" not in masking.call(sent, revealed=False)
    assert '"ProfileKey": "k"' in masking.call(sent, revealed=False)
    assert "jan jansen" in masking.call(sent, revealed=True)


def test_event_names_its_payment() -> None:
    """Payment is shown as a word, not as the number of an IntEnum."""
    visitor, line = Visitor({"tweakwise_profile_key": "k"}), Line({"product_id": "1"})
    order = Purchase("7", datetime(2026, 11, 24, tzinfo=UTC), Payment.PAID, visitor, (line,), None)
    assert '"payment": "paid"' in masking.event(order, revealed=False)


def test_everything_below_a_person_is_masked() -> None:
    """Numbers are masked as well, null is not."""
    payload = {
        "billing_address": {"zip": 1234, "city": None, "lines": [{"id": 1}]},
        "meta_data": [{"key": "k", "value": "v"}],
    }
    assert masking.masked(payload) == {
        "billing_address": {"zip": masking.MASK, "city": None, "lines": [{"id": masking.MASK}]},
        "meta_data": [{"key": "k", "value": masking.MASK}],
    }


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"[" * 100_000, b"not json jan@example.nl", b"1" * 300_000, b"NaN"])
def test_odd_bodies_are_shown(raw: bytes) -> None:
    """Any body gives a text without personal data."""
    assert "jan@" not in masking.body(raw, revealed=False)
    assert isinstance(masking.body(raw, revealed=True), str)
