"""Which stored deliveries a redaction or a data request is about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.events import Redaction
from tests.support.recordings import EVERY, SIGNED
from tests.support.tables import for_each
from webhook_app import exact_json
from webhook_app.delivery.privacy_search import is_about, search
from webhook_app.delivery.privacy_subject import Subject
from webhook_app.inbox.privacy.privacy_requests import StoredContent

DOMAIN = "a.example"
SHOP = EVERY[0].shop
JAN = Redaction(DOMAIN, "7", frozenset({"1001"}), frozenset({"jan@example.test", "+31612345678"}))
BY_ID = Redaction(DOMAIN, "7")
BY_ORDER = Redaction(DOMAIN, None, frozenset({"1001"}))
BY_EMAIL = Redaction(DOMAIN, None, personal=frozenset({"jan@example.test"}))
BY_PHONE = Redaction(DOMAIN, None, personal=frozenset({"+31612345678"}))
WHOLE_SHOP = Redaction(DOMAIN)
UNREADABLE = [b"", b"no JSON", b"\xff\xfe", b"7", b"null", b"[" * 100_000, b"1" * 5000]


def body(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def content(
    stored: bytes | None = None, *, domain: str = DOMAIN, business_key: str | None = None, call: str | None = None
) -> StoredContent:
    """A delivery's content, as far as it is still stored."""
    return StoredContent(1, domain, business_key, call, stored)


def found(subject: Subject, stored: StoredContent) -> list[int]:
    return search(subject, [stored], SHOP)[0]


def order(**changed: Any) -> bytes:
    return body({"id": 2002, "line_items": [], "customer": {"id": 8, "email": "els@example.test"}, **changed})


def test_an_order_of_every_platform_is_found_by_its_body() -> None:
    """Also before a worker has read which order it is about: by its id and, where it has one, its number or name."""
    tried = set()
    for fixture in SIGNED:
        topic = fixture.verify().topic
        try:
            reference = fixture.platform.order_of(topic, exact_json.parse(fixture.body))
        except ValueError:
            continue
        stored = StoredContent(1, DOMAIN, None, None, fixture.body, None, topic)
        for text in filter(None, (reference.id, reference.name.lstrip("#")) if reference else ()):
            asked = Subject(Redaction("", None, frozenset({text})), frozenset({text}))
            assert search(asked, [stored], fixture.shop)[0] == [1], (fixture.name, text)
            other = Subject(Redaction("", None, frozenset({f"{text}0"})), frozenset({f"{text}0"}))
            assert search(other, [stored], fixture.shop)[0] == [], (fixture.name, text)
            tried.add(fixture.platform.name)
    assert tried == {"shopify", "shopware", "standard", "woocommerce"}


@pytest.mark.parametrize(
    ("subject", "stored"),
    [
        (BY_ID, body({"data": {"payload": {"order": {"orderCustomer": {"customerNumber": "7"}}}}})),
        (BY_ID, body({"data": {"payload": {"order": {"orderCustomer": {"customerId": "7"}}}}})),
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
    """The customer is found by id, order, e-mail address and phone number, at any depth, in any notation."""
    assert is_about(subject, content(stored))


@pytest.mark.parametrize("subject", [JAN, BY_ID, BY_ORDER, BY_EMAIL, BY_PHONE])
@for_each(
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
def test_body_about_another_customer(subject: Redaction, stored: bytes) -> None:
    """Another customer's body is not a match, nor is a number that only looks like an id."""
    assert not is_about(subject, content(stored))


@pytest.mark.parametrize("stored", [order(), order(customer=None), body({}), *UNREADABLE])
def test_whole_shop(stored: bytes) -> None:
    """A request about the whole shop is about every body, readable or not."""
    assert is_about(WHOLE_SHOP, content(stored))


def test_no_shop_is_not_every_shop() -> None:
    """A request without an address and without a customer is about nothing."""
    assert not is_about(Redaction(""), content(order()))
    assert not is_about(Redaction(""), content(order(), domain=""), is_only_address=True)


@pytest.mark.parametrize("subject", [JAN, WHOLE_SHOP])
def test_other_domain(subject: Redaction) -> None:
    """One app may serve several shops: deliveries of another domain are not a match."""
    assert not is_about(subject, content(order(customer={"id": 7}), domain="b.example"))


def test_domain_unknown() -> None:
    """A delivery without a domain is judged by its content."""
    assert is_about(JAN, content(order(customer={"id": 7}), domain=""))


@pytest.mark.parametrize("is_only_address", [True, False])
def test_whole_shop_without_a_domain(is_only_address: bool) -> None:
    """A delivery without a domain belongs to the whole shop only where no other address may send for it."""
    assert is_about(WHOLE_SHOP, content(order(), domain=""), is_only_address=is_only_address) is is_only_address


@pytest.mark.parametrize("domain", ["https://A.example/", "www.a.example", "http://a.example:80"])
def test_domain_in_other_forms(domain: str) -> None:
    """The same address in another form is the same shop."""
    assert is_about(WHOLE_SHOP, content(order(), domain=domain))


def test_phone_digits_do_not_match_an_email() -> None:
    """An e-mail address is compared as a whole, never by its digits."""
    subject = Redaction(DOMAIN, None, personal=frozenset({"jan1001@example.test"}))
    assert not is_about(subject, content(order(note="1001")))


@pytest.mark.parametrize("empty", ["", "-", " "])
def test_empty_phone_matches_nothing(empty: str) -> None:
    """An empty address or number does not match empty texts."""
    subject = Redaction(DOMAIN, "7", personal=frozenset({empty}))
    assert not is_about(subject, content(order(note="hello", phone="", tags=" ")))


@pytest.mark.parametrize("stored", [None, order(), b"no JSON"])
def test_counted_order(stored: bytes | None) -> None:
    """An order is also found by the business key, which is stored longer than the body."""
    assert is_about(BY_ORDER, content(stored, business_key="purchase:1001", call="{}"))


@pytest.mark.parametrize("business_key", [None, "", "purchase:", "purchase:100", "purchase:11001", "search:1001"])
def test_another_counted_order(business_key: str | None) -> None:
    """Another call's key is not the order's."""
    assert not is_about(BY_ORDER, content(business_key=business_key, call="{}"))


def test_call_with_the_derived_key() -> None:
    """A call for the customer is found by the profile key derived from the customer id."""
    assert found(Subject(BY_ID, keys=frozenset({"b08e2a"})), content(call='{"ProfileKey":"b08e2a"}'))


@pytest.mark.parametrize("keys", [frozenset[str](), frozenset({"c19f3b"}), frozenset({"b08e2"})])
@pytest.mark.parametrize("call", [None, '{"ProfileKey":"b08e2a"}'])
def test_call_with_another_key(call: str | None, keys: frozenset[str]) -> None:
    """A call with another key, or no derived key, is no match."""
    assert not found(Subject(BY_ID, keys=keys), content(call=call))


CARRIED = [{"name": "tweakwise_profile_key", "value": "carried-1"}]
THEIRS = order(customer={"id": 7}, note_attributes=CARRIED)
META = [{"id": 1, "key": "_tweakwise_profile_key", "value": "carried-1"}]


@pytest.mark.parametrize(
    "theirs",
    [
        content(THEIRS),
        content(order(customer={"id": 7}, meta_data=META)),
        content(order(customer={"id": 7}, attributes={"tweakwise_profile_key": "carried-1"})),
        content(business_key="purchase:1001", call='{"ProfileKey":"carried-1"}'),
    ],
)
@pytest.mark.parametrize(
    "under_key",
    [
        content(body({"term": "jas", "profile_key": "carried-1"})),
        content(call='{"SearchTerm":"jas","ProfileKey":"carried-1"}'),
        content(order(customer=None, note_attributes=CARRIED)),
    ],
)
def test_what_was_done_under_a_carried_key(theirs: StoredContent, under_key: StoredContent) -> None:
    """What the found orders carried identifies the visitor's searches, views and other orders."""
    _, subject = search(Subject(JAN), [theirs], SHOP)
    second = Subject.from_json(subject.as_json()).second()
    assert second is not None
    assert search(second, [under_key], SHOP) == ([1], second)
    assert second.second() is None


@pytest.mark.parametrize(
    "another",
    [
        order(customer={"id": 8}, note_attributes=CARRIED),
        body({"term": "jas", "profile_key": "carried-1", "logged_in_customer_id": "8"}),
        order(customer=None, note_attributes=[{"name": "tweakwise_profile_key", "value": "carried-12"}]),
        order(customer=None, note="carried-1"),
        body({"product_id": "carried-1", "profile_key": "other"}),
    ],
)
def test_what_another_customer_did_stays(another: bytes) -> None:
    """Another customer at the same device, and texts that only look like the key, are not the subject."""
    _, subject = search(Subject(JAN), [content(THEIRS)], SHOP)
    second = subject.second()
    assert second is not None
    assert search(second, [content(another)], SHOP)[0] == []


def test_a_placeholder_identifies_no_customer() -> None:
    """A key that every visitor has would erase them all."""
    undefined = [{"name": "tweakwise_profile_key", "value": "undefined"}]
    _, subject = search(Subject(JAN), [content(order(customer={"id": 7}, note_attributes=undefined))], SHOP)
    assert subject.second() is None


@pytest.mark.parametrize(
    ("known", "written", "same"),
    [
        ("+31612345678", "0612345678", True),
        ("+31612345678", "0031 6 12345678", True),
        ("+31612345678", "+31 (0)6-1234 5678", True),
        ("0612345678", "+31612345678", True),
        ("+15551234567", "(555) 123-4567", True),
        ("+31612345678", 612345678, False),
        ("+31612345678", "0612345679", False),
        ("+31-6-CALLMENOW", "316", False),
        ("jan@münchen.example", "JAN@xn--mnchen-3ya.example", True),
        ("jan@xn--mnchen-3ya.example", "jan@MÜNCHEN.example", True),
        ("jan@example.test", "Mail to jan@example.test.", True),
        ("jan@example.test", "arjan@example.test", False),
        ("jan@example.test", "jan@example.test.nl", False),
    ],
)
def test_normal_form(known: str, written: str | int, same: bool) -> None:
    """Numbers with and without the country's code, and domains in both alphabets, are compared as the same."""
    subject = Redaction(DOMAIN, None, personal=frozenset({known}))
    for stored in (order(note=written), order(billing={"x": [written]}), json.dumps({"a": written}).encode()):
        assert is_about(subject, content(stored)) is same
    assert is_about(subject, content(json.dumps({"a": written}, ensure_ascii=False).encode())) is same


@pytest.mark.parametrize("subject", [JAN, BY_ID, BY_ORDER, BY_EMAIL])
def test_nothing_left(subject: Redaction) -> None:
    """A delivery without stored content is about no customer."""
    assert not is_about(subject, content())
