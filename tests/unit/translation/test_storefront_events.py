"""What storefronts send becomes calls: whose profile, which bots, what is repeated, what is switched off."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.event_types import BROWSING
from schemas.events import Ignored, Reason
from schemas.storefront import SCHEMAS
from tests.support.recordings import claimed, payload_of
from webhook_app.config import shops
from webhook_app.platforms.base import Platform, Topic
from webhook_app.signing.hmac_schemes import BodyHmac
from webhook_app.translation import bots, profile_key
from webhook_app.translation.translate import AgeLimits, Decision, translate
from webhook_app.tweakwise.call import Call

SEEN = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGES = AgeLimits(max_order_age=7 * 86400, max_age=86400)
KEY = "5f2d9c1e7a"
PAYLOADS: dict[str, dict[str, Any]] = {
    "search": {"term": "rode jas", "profile_key": KEY},
    "pageview": {"product_id": 8011551572211, "variant_id": "44", "sku": "MUG", "profile_key": KEY},
    "addtocart": {"product_id": "80", "quantity": 2, "amount": "39.90", "profile_key": KEY, "session_key": "visit-1"},
    "sessionstart": {"session_key": "visit-1", "profile_key": KEY, "source": "newsletter"},
    "addtowishlist": {"product_id": "80", "profile_key": KEY, "session_key": "visit-1", "event": "addtowishlist"},
    "itemclick": {"request_id": "r-1", "item_id": "100012345", "profile_key": KEY},
    "pageimpression": {"request_id": "r-1", "profile_key": KEY, "session_key": "visit-1"},
}
PLATFORM = Platform(
    name="front",
    title="A storefront",
    signature=BodyHmac(("x-signature",)),
    topic_headers=("x-topic",),
    topics=[Topic(name, "An event.", schema(), lambda _: {}, storefront=True) for name, schema in SCHEMAS.items()],
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0"
EVERY = "extra_events = true"


def shop(*lines: str) -> shops.Shop:
    own = ["[shops.a]", 'platform = "front"', 'secrets = ["s"]', 'instance_key = "1234abcd"', *lines]
    return shops.parse("\n".join(own), "shops.toml", {"front": PLATFORM})["a"]


def translated(topic: str, payload: Any, *lines: str) -> Decision:
    delivery = claimed("a", "front", topic, json.dumps(payload).encode(), SEEN)
    return translate(payload_of(delivery), shop(*lines), PLATFORM, AGES, SEEN)


def call_of(topic: str, *lines: str, **changed: Any) -> Call:
    answer = translated(topic, {**PAYLOADS[topic], **changed}, *lines)
    assert isinstance(answer, Call), answer
    return answer


def reason_of(topic: str, *lines: str, **changed: Any) -> Reason:
    answer = translated(topic, {**PAYLOADS[topic], **changed}, *lines)
    assert isinstance(answer, Ignored), answer
    return answer.reason


def test_a_key_that_is_a_number_is_sent() -> None:
    """As the number in an order's attribute is."""
    keys = {"profile_key": 4711, "session_key": 4712}
    assert call_of("search", **keys).body["ProfileKey"] == "4711"
    assert call_of("sessionstart", EVERY, **keys).body["SessionKey"] == "4712"


def test_a_refusal_names_the_field_of_the_event() -> None:
    """Not the attribute of an order, which an event does not have."""
    for key in (None, "a b", "undefined"):
        answer = translated("search", {**PAYLOADS["search"], "profile_key": key, "customer_id": None})
        assert isinstance(answer, Ignored)
        assert "tweakwise_profile_key" not in answer.detail
        assert "profile_key" in answer.detail


def test_a_placeholder_is_no_product() -> None:
    """Views of a page whose script does not know its product are no views of a product named undefined."""
    answer = translated("pageview", {**PAYLOADS["pageview"], "product_id": "undefined"})
    assert not isinstance(answer, Call)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("search", {"SearchTerm": "rode jas", "ProfileKey": KEY}),
        ("pageview", {"ProductKey": "8011551572211", "ProfileKey": KEY}),
        (
            "addtocart",
            {"ProductKey": "80", "Quantity": 2, "TotalAmount": 39.9, "ProfileKey": KEY, "SessionKey": "visit-1"},
        ),
        ("sessionstart", {"ProfileKey": KEY, "SessionKey": "visit-1", "Source": "newsletter"}),
        ("addtowishlist", {"ProductKey": "80", "ProfileKey": KEY, "SessionKey": "visit-1"}),
        ("itemclick", {"RequestId": "r-1", "ItemId": "100012345"}),
        ("pageimpression", {"RequestId": "r-1", "ProfileKey": KEY, "SessionKey": "visit-1"}),
    ],
)
def test_event_becomes_a_call(topic: str, body: dict[str, Any]) -> None:
    """Each kind of event is the call of its own name."""
    call = call_of(topic, EVERY)
    assert (call.event, call.body) == (topic, body)


@pytest.mark.parametrize(("quantity", "sent"), [(2, 2), ("3", 3), (2.5, 2.5), ("0.25", 0.25)])
def test_quantities_go_out_as_they_are(quantity: Any, sent: float) -> None:
    """Some shops sell by weight: half a kilogram is neither none nor one."""
    body = call_of("addtocart", EVERY, quantity=quantity).body
    assert body["Quantity"] == sent
    assert isinstance(body["Quantity"], type(sent))


@pytest.mark.parametrize("topic", [event.name for event in BROWSING if event.is_extra])
def test_extra_events_are_off(topic: str) -> None:
    """Nothing beyond searches, views and purchases goes out unless the shop asks for it."""
    assert reason_of(topic) is Reason.SWITCHED_OFF


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (("search", {"term": " rode jas "}), ("search", {"term": "blauwe jas"})),
        (("search", {"sku": "x"}), ("search", {"profile_key": "another"})),
        (("pageview", {"user_agent": FIREFOX}), ("pageview", {"product_id": 1})),
        (("pageview", {"variant_id": "45"}), ("pageview", {"profile_key": "another"})),
        (("addtocart", {"quantity": 3}), ("addtowishlist", {})),
        (("addtowishlist", {"session_key": "visit-2"}), ("addtowishlist", {"product_id": 1})),
        (("sessionstart", {"source": "another"}), ("sessionstart", {"session_key": "visit-2"})),
        (("itemclick", {"session_key": "visit-2"}), ("itemclick", {"item_id": "2"})),
        (("itemclick", {"user_agent": FIREFOX}), ("itemclick", {"profile_key": "another"})),
        (("itemclick", {"user_agent": FIREFOX}), ("itemclick", {"profile_key": None, "session_key": "visit-2"})),
        (("pageimpression", {"session_key": "visit-2"}), ("pageimpression", {"request_id": "r-2"})),
    ],
)
def test_the_same_again_has_the_same_key(same: tuple[str, Any], other: tuple[str, Any]) -> None:
    """One visitor, event and product or term is one call within the shop's seconds; anything else is another."""
    first = call_of(same[0], EVERY)
    assert first.within == 5
    assert call_of(same[0], EVERY, **same[1]).key == first.key
    assert call_of(other[0], EVERY, **other[1]).key != first.key


def test_variants_are_distinguished_where_they_are_products() -> None:
    """Two variants are two products where the shop's product key has the variant."""
    keys = {call_of("pageview", 'product_key = "{variant_id}"', variant_id=number).key for number in ("44", "45")}
    assert len(keys) == 2


def test_key_holds_nothing_of_the_visitor() -> None:
    """A business key is stored for long and shown: it contains neither term nor profile."""
    key = call_of("search").key
    assert "jas" not in key
    assert KEY not in key


def test_seconds_of_repeats_are_the_shops_own() -> None:
    """A shop may count every repeat, or wait longer."""
    assert call_of("search", "repeat_within = 60").within == 60
    assert call_of("search", "repeat_within = 0").within is None


@pytest.mark.parametrize("topic", PAYLOADS)
def test_bots_are_ignored_by_name(topic: str) -> None:
    """A crawler of the list is ignored, and the detail names it."""
    answer = translated(topic, {**PAYLOADS[topic], "user_agent": GOOGLEBOT}, EVERY)
    assert isinstance(answer, Ignored)
    assert answer.reason is Reason.BOT
    assert "Googlebot" in answer.detail


@pytest.mark.parametrize("user_agent", ["", FIREFOX, None])
def test_browsers_are_no_bots(user_agent: str | None) -> None:
    """A browser's event counts, and so does one without a user agent."""
    assert call_of("pageview", user_agent=user_agent)


@given(st.text())
def test_any_user_agent_has_an_answer(user_agent: str) -> None:
    """Nothing that is written there causes an error."""
    assert isinstance(bots.crawler_name(user_agent), str)


def test_account_comes_first_while_browsing() -> None:
    """A page that does not know of the login yet still counts for the account."""
    assert call_of("search", 'profile_salt = "s"', customer_id=7).body["ProfileKey"] == profile_key.derived_key(
        "7", "s"
    )


@pytest.mark.parametrize("topic", ["search", "pageview"])
@pytest.mark.parametrize("customer", [None, 7])
def test_consent_is_the_storefronts_key(topic: str, customer: int | None) -> None:
    """Where consent is required, a login does not replace it."""
    salted = ('profile_salt = "s"', "require_consent = true")
    assert reason_of(topic, *salted, profile_key=None, customer_id=customer) is Reason.NO_CONSENT
    assert call_of(topic, *salted, customer_id=customer)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, Reason.NO_PROFILE),
        ("", Reason.NO_PROFILE),
        ("jan@example.com", Reason.PERSONAL_DATA),
        ("0612345678", Reason.PERSONAL_DATA),
        ("with space", Reason.BAD_PROFILE_KEY),
    ],
)
def test_bad_profile_keys_are_never_sent(key: str | None, reason: Reason) -> None:
    """The guard of purchases holds for browsing too."""
    assert reason_of("pageview", profile_key=key) is reason


@pytest.mark.parametrize(
    "session", ["jan@example.com", "0612345678", "with space", "x" * 129, "", "undefined", "null", "0", "NaN", 0]
)
def test_odd_session_key_is_left_out(session: Any) -> None:
    """A view is not lost for the sake of its visit's key."""
    assert "SessionKey" not in call_of("pageview", session_key=session).body


@pytest.mark.parametrize("topic", ["sessionstart", "addtowishlist", "pageimpression"])
def test_session_that_looks_like_a_phone_number_is_not_sent(topic: str) -> None:
    """A visit's key is personal data's way out too, and these calls need one."""
    assert reason_of(topic, EVERY, session_key="0612345678") is Reason.PERSONAL_DATA


@pytest.mark.parametrize("source", [None, "", " ", "jan@example.com", "jan%40example.com", "0612345678", "x" * 129, 5])
def test_odd_source_is_left_out(source: Any) -> None:
    """A visit is not lost for the sake of where it came from, and no address is sent."""
    assert set(call_of("sessionstart", EVERY, source=source).body) == {"ProfileKey", "SessionKey"}


def test_click_of_an_unknown_visitor_is_sent() -> None:
    """Its call has no profile key: neither a missing nor an odd one prevents it, and none is sent."""
    for key in (None, "", "jan@example.com", "with space"):
        assert call_of("itemclick", EVERY, profile_key=key).body == {"RequestId": "r-1", "ItemId": "100012345"}
    consent = (EVERY, "require_consent = true")
    assert reason_of("itemclick", *consent, profile_key=None) is Reason.NO_CONSENT
    assert reason_of("itemclick", *consent, profile_key="jan@example.com") is Reason.PERSONAL_DATA
    assert call_of("itemclick", *consent)


@pytest.mark.parametrize("topic", PAYLOADS)
def test_what_an_employee_does_is_labelled(topic: str) -> None:
    """Every event may be marked as internal; what is odd there marks nothing."""
    assert call_of(topic, EVERY, internal=True).is_internal
    assert call_of(topic, EVERY, internal="true").is_internal
    for odd in ("false", "", "yes!", None, 7, [1]):
        assert not call_of(topic, EVERY, internal=odd).is_internal


@pytest.mark.parametrize("term", ["", "   "])
def test_empty_search_is_ignored(term: str) -> None:
    """An empty search is no fault."""
    assert reason_of("search", term=term) is Reason.NO_TERM


@pytest.mark.parametrize(
    ("topic", "changed"),
    [
        ("search", {"term": None}),
        ("search", {"term": "x" * 501}),
        ("pageview", {"product_id": 0}),
        ("pageview", {"product_id": [1]}),
        ("addtocart", {"quantity": 0}),
        ("sessionstart", {"session_key": "with space"}),
        ("addtowishlist", {"session_key": None}),
        ("itemclick", {"request_id": ""}),
        ("itemclick", {"item_id": None}),
        ("pageimpression", {"request_id": "x" * 129}),
    ],
)
def test_nonsense_of_browsers_is_ignored(topic: str, changed: dict[str, Any]) -> None:
    """What any visitor can send does not become a dead delivery, which is stored until it is resolved."""
    assert reason_of(topic, EVERY, **changed) is Reason.UNREADABLE


def test_body_that_is_not_json_is_ignored() -> None:
    """The same for what cannot be read at all."""
    delivery = claimed("a", "front", "search", b"\xff{", SEEN)
    answer = translate(payload_of(delivery), shop(), PLATFORM, AGES, SEEN)
    assert isinstance(answer, Ignored)
    assert answer.reason is Reason.UNREADABLE


@pytest.mark.parametrize(("letters", "crawler"), [(993, "bingbot"), (994, "")])
def test_only_the_beginning_of_a_user_agent_is_searched(letters: int, crawler: str) -> None:
    """1,000 characters are searched, however long the text is."""
    assert bots.crawler_name("x" * letters + "bingbot") == crawler


@pytest.mark.parametrize("topic", ["pageview", "addtocart", "addtowishlist"])
def test_a_product_without_its_key(topic: str) -> None:
    """A product that lacks a field of the shop's template is ignored, and the detail names the template."""
    answer = translated(topic, {**PAYLOADS[topic], "sku": None}, EVERY, 'product_key = "{sku}"')
    assert answer == Ignored(Reason.NO_PRODUCT, "The product lacks a field that the product key {sku} needs.")
