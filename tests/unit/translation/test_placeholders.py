"""What stands in place of a profile key is no key, and never takes the place of the derived one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Ignored, Reason, Visitor
from webhook_app.config import shops
from webhook_app.platforms import all_platforms
from webhook_app.translation import profile_key
from webhook_app.translation.placeholders import is_placeholder

PLACEHOLDERS = (
    *("undefined", "Undefined", "null", "NULL", "None", "nil", "NaN", "0", "00", "0.0", "-0", "true", "False"),
    *("-", "--", "_", ".", "=", "$", "n/a", "(not set)", "not-set", "[object Object]", "undefined.undefined"),
    *("guest", "Guest", "anonymous", "{{ customer.id }}", "${KEY}", "%KEY%"),
    *("00000000-0000-0000-0000-000000000000", "null-null", "unknown", "profile_key"),
    *("tw_undefined", "tw-null", "visitor.NaN", "-1", "[key]"),
)
ERASED = ("[deleted]", "[DELETED]", "deleted", "[verwijderd]", "[gel\u00f6scht]", "[\u524a\u9664]", "[redacted]")
KEYS = (
    *("4711", "1", "a", "guest42", "null0", "anna-7", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "10", "0a", "user-42"),
    *("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "$2y$10", "undefined-42", "tw_nullable", "undefined-7-null"),
)
LINES = (
    '[shops.a]\nplatform = "shopify"\nsecrets = ["s3cret-of-a-shop"]\ninstance_key = "1234abcd"\nprofile_salt = "x"\n'
)
SHOP = shops.parse(LINES, "shops.toml", all_platforms())["a"]


@pytest.mark.parametrize("key", [*PLACEHOLDERS, *ERASED])
def test_a_placeholder_is_no_key(key: str) -> None:
    """Words for nothing, lone signs, zeros and templates that were not filled in are no keys."""
    assert is_placeholder(key)


@pytest.mark.parametrize("key", KEYS)
def test_a_short_id_is_a_key(key: str) -> None:
    """A short id is one, and so is one that only contains such a word."""
    assert not is_placeholder(key)


@pytest.mark.parametrize("key", PLACEHOLDERS)
def test_the_derived_key_stands_in(key: str) -> None:
    """With a customer the derived key is sent; a guest's order is ignored, and the detail says why."""
    written = {"tweakwise_profile_key": key}
    derived = profile_key.derived_key("7", "x")
    assert profile_key.choose_for_order(Visitor(written, "7"), SHOP) == derived
    guest = profile_key.choose_for_order(Visitor(written), SHOP)
    assert isinstance(guest, Ignored)
    assert (guest.reason, "placeholder" in guest.detail) == (Reason.BAD_PROFILE_KEY, True)
    assert isinstance(profile_key.choose_for_browsing(Visitor(profile_key=key), SHOP), Ignored)


@pytest.mark.parametrize("key", ERASED)
def test_an_erased_key_is_no_fault_of_the_storefront(key: str) -> None:
    """WordPress writes such a word into an order whose personal data is erased, in the language of the site."""
    written = {"_tweakwise_profile_key": key}
    assert profile_key.choose_for_order(Visitor(written, "7"), SHOP) == profile_key.derived_key("7", "x")
    guest = profile_key.choose_for_order(Visitor(written), SHOP)
    assert isinstance(guest, Ignored)
    assert (guest.reason, "was erased" in guest.detail) == (Reason.NO_PROFILE, True)


def test_a_placeholder_hides_no_key() -> None:
    """A key under the same name with an underscore is found."""
    visitor = Visitor({"tweakwise_profile_key": "undefined", "_tweakwise_profile_key": "abc"}, "7")
    assert profile_key.choose_for_order(visitor, SHOP) == "abc"


@pytest.mark.parametrize("customer", ["guest", "null", "undefined"])
def test_no_key_is_derived_from_a_placeholder(customer: str) -> None:
    """It would be the key of all guests."""
    assert isinstance(profile_key.choose_for_order(Visitor({}, customer), SHOP), Ignored)


@given(st.uuids())
def test_no_random_key_is_a_placeholder(key: object) -> None:
    """A random key is never refused."""
    assert not is_placeholder(str(key)) or set(str(key)) <= set("0-")
