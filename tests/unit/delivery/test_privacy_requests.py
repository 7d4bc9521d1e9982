"""Whose data a stored body holds: what a customer's request to be forgotten, or to be told, is about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.events import Redaction
from webhook_app.delivery.privacy_requests import is_about
from webhook_app.inbox.retention import StoredContent

DOMAIN = "a.example"
JAN = Redaction(DOMAIN, "7", frozenset({"1001"}), frozenset({"jan@example.test", "+31612345678"}))
BY_ID = Redaction(DOMAIN, "7")
BY_ORDER = Redaction(DOMAIN, None, frozenset({"1001"}))
BY_EMAIL = Redaction(DOMAIN, None, personal=frozenset({"jan@example.test"}))
BY_PHONE = Redaction(DOMAIN, None, personal=frozenset({"+31612345678"}))
WHOLE_SHOP = Redaction(DOMAIN)
UNREADABLE = [b"", b"no JSON", b"\xff\xfe", b"7", b"null", b"[" * 100_000, b"1" * 5000]


def body(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def held(
    stored: bytes | None = None, *, domain: str = DOMAIN, business_key: str | None = None, call: str | None = None
) -> StoredContent:
    """A delivery's content, as far as it is still there."""
    return StoredContent(1, domain, business_key, call, stored)


def order(**changed: Any) -> bytes:
    return body({"id": 2002, "line_items": [], "customer": {"id": 8, "email": "els@example.test"}, **changed})


@pytest.mark.parametrize(
    ("subject", "stored"),
    [
        (BY_ID, order(customer={"id": 7})),
        (BY_ID, order(customer={"id": "7"})),
        (BY_ID, order(customer_id=7)),
        (BY_ID, body({"term": "jas", "logged_in_customer_id": "7"})),
        (BY_ID, body([{"customer": {"id": 7}}])),
        (BY_ID, body({"order": {"customer": {"id": 7}}})),
        (BY_ORDER, order(id=1001)),
        (BY_ORDER, order(id="1001")),
        (BY_ORDER, body({"id": 5, "order_id": 1001, "refund_line_items": []})),
        (BY_ORDER, body({"refund": {"order_id": 1001}})),
        (BY_EMAIL, order(email="jan@example.test")),
        (BY_EMAIL, body({"emails": ["other@example.test", "JAN@example.test"]})),
        (BY_EMAIL, b'{"email": "Jan@Example.test", cut'),
        (BY_PHONE, body({"phone": 31612345678})),
        (BY_EMAIL, order(contact_email="JAN@Example.Test ")),
        (BY_EMAIL, order(billing={"email": "jan@example.test"})),
        (BY_EMAIL, body({"a": [{"b": [[{"c": "jan@example.test"}]]}]})),
        (BY_PHONE, order(phone="+31612345678")),
        (BY_PHONE, order(billing={"phone": "+31 6 1234 5678"})),
        (BY_PHONE, order(billing={"phone": "+31-(6)-12345678"})),
    ],
)
def test_body_about_the_customer(subject: Redaction, stored: bytes) -> None:
    """The customer is found by id, order, e-mail address and phone number, however deep and however written."""
    assert is_about(subject, held(stored))


@pytest.mark.parametrize("subject", [JAN, BY_ID, BY_ORDER, BY_EMAIL, BY_PHONE])
@pytest.mark.parametrize(
    "stored",
    [
        order(),
        order(customer=None),
        order(customer=[7]),
        order(customer={"id": 77}),
        order(customer_id=0),
        order(number=7),
        order(number=1001),
        order(note="7"),
        order(email="jan@example.test.nl"),
        order(phone="+316123456789"),
        order(phone=""),
        body({"id": 1001}),
        body({"id": 7}),
        body({}),
        body([]),
        *UNREADABLE,
    ],
)
def test_body_about_somebody_else(subject: Redaction, stored: bytes) -> None:
    """Another customer's body, and a number that only looks like an id, stay."""
    assert not is_about(subject, held(stored))


@pytest.mark.parametrize("stored", [order(), order(customer=None), body({}), *UNREADABLE])
def test_whole_shop(stored: bytes) -> None:
    """A duty about the whole shop is about every body, readable or not."""
    assert is_about(WHOLE_SHOP, held(stored))


@pytest.mark.parametrize("subject", [JAN, WHOLE_SHOP])
def test_other_domain(subject: Redaction) -> None:
    """One app may serve several shops: what another one sent stays."""
    assert not is_about(subject, held(order(customer={"id": 7}), domain="b.example"))


@pytest.mark.parametrize("subject", [JAN, WHOLE_SHOP])
def test_domain_not_said(subject: Redaction) -> None:
    """A body whose sender did not say its domain is judged by what it holds."""
    assert is_about(subject, held(order(customer={"id": 7}), domain=""))


def test_phone_digits_do_not_match_an_email() -> None:
    """An e-mail address is compared as a whole, never by its digits."""
    subject = Redaction(DOMAIN, None, personal=frozenset({"jan1001@example.test"}))
    assert not is_about(subject, held(order(note="1001")))


@pytest.mark.parametrize("empty", ["", "-", " "])
def test_empty_phone_matches_nothing(empty: str) -> None:
    """An address or number that says nothing is not every text that says nothing."""
    subject = Redaction(DOMAIN, "7", personal=frozenset({empty}))
    assert not is_about(subject, held(order(note="hello", phone="", tags=" ")))


@pytest.mark.parametrize("stored", [None, order(), b"no JSON"])
def test_counted_order(stored: bytes | None) -> None:
    """An order is found by the key of its call too, which outlives the body."""
    assert is_about(BY_ORDER, held(stored, business_key="purchase:1001", call="{}"))


@pytest.mark.parametrize("business_key", [None, "", "purchase:", "purchase:100", "purchase:11001", "search:1001"])
def test_another_counted_order(business_key: str | None) -> None:
    """Another call's key is not the order's."""
    assert not is_about(BY_ORDER, held(business_key=business_key, call="{}"))


def test_call_with_the_derived_key() -> None:
    """What was counted for the customer is found by the key that is derived from the customer id."""
    assert is_about(BY_ID, held(call='{"ProfileKey":"b08e2a"}'), profile_key="b08e2a")


@pytest.mark.parametrize("profile_key", [None, "", "c19f3b"])
@pytest.mark.parametrize("call", [None, '{"ProfileKey":"b08e2a"}'])
def test_call_with_another_key(call: str | None, profile_key: str | None) -> None:
    """A call under another key, or no derived key at all, says nothing of the customer."""
    assert not is_about(BY_ID, held(call=call), profile_key=profile_key)


@pytest.mark.parametrize("subject", [JAN, BY_ID, BY_ORDER, BY_EMAIL])
def test_nothing_left(subject: Redaction) -> None:
    """A delivery of which nothing is left is_about nobody."""
    assert not is_about(subject, held())
