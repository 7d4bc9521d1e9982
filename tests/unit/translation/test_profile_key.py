"""Which profile key an event carries, and that no writing of an e-mail address or a phone number gets out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Ignored, Reason, Visitor
from tests.support.tables import for_each
from webhook_app.config import shops
from webhook_app.platforms import all_platforms
from webhook_app.translation import profile_key

if TYPE_CHECKING:
    from uuid import UUID

NAME = "tweakwise_profile_key"
WRITTEN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
# printf 5512398765 | openssl dgst -sha256 -hmac fixture-salt -r
CUSTOMER, SALT = "5512398765", "fixture-salt"
DERIVED = "b08e2aab1a0f94211fb8b20c4360801ee96c44e1d01561d09b34541b1ca7ac12"

NO_BREAK_SPACE, ZERO_WIDTH_SPACE, WORD_JOINER, SOFT_HYPHEN = "\u00a0", "\u200b", "\u2060", "\u00ad"
EMAILS = [
    "jan@example.nl",
    "JAN.DE.VRIES@EXAMPLE.NL",
    "jan+winkel@example.co.uk",
    "jan%40example.nl",
    "jan%2540example.nl",
    "jan%252540example.nl",
    "jan=40example.nl",
    "jan=2540example.nl",
    "JAN=40EXAMPLE.NL",
    "jan(at)example.nl",
    "jan-at-example.nl",
    "jan_at_example.nl",
    "jan.at.example-dot-nl",
    "jan(AT)example.nl",
    "jan[at]example.nl",
    "jan{at}example.nl",
    "jan (at) example.nl",
    "jan at example.nl",
    "jan&#64;example.nl",
    "jan&#x40;example.nl",
    "jan&commat;example.nl",
    " jan@example.nl ",
    "jan @ example.nl",
    '"jan"@example.nl',
    "<jan@example.nl>",
    "'jan@example.nl'",
    "mailto:jan@example.nl",
    "jan@localhost",
    "jan@voorbeeld-é.nl",
    "email=jan@example.nl",
    "jan\uff20example.nl",
    f"jan{ZERO_WIDTH_SPACE}@example.nl",
]
PHONES = [
    "0612345678",
    "31612345678",
    "+31612345678",
    "+31 6 12345678",
    "+31 (0)6 123 456 78",
    "0031612345678",
    "00 31 6 12 34 56 78",
    "(06) 123-456 78",
    "06-12345678",
    "06.12.34.56.78",
    "06_12_34_56_78",
    "06/12345678",
    "06=12=34=56=78",
    "06$12$34$56$78",
    "-0612345678-",
    "020-1234567",
    "1234567",
    "123456789012345",
    "tel:0612345678",
    "tel:+31-6-12345678",
    "tel.0612345678",
    "TEL-0612345678",
    "Tel 06 12345678",
    "phone_0612345678",
    "phone_number-0612345678",
    "phonenumber0612345678",
    "mobile-0612345678",
    "mobiel.06-12345678",
    "telefoonnummer-0612345678",
    "telephone-0612345678",
    "gsm0612345678",
    "whatsapp:+31612345678",
    "%2B31612345678",
    "%2b31612345678",
    "%252B31612345678",
    "%2B31%206%2012345678",
    "=2B31612345678",
    "tel=3A0612345678",
    "\uff10\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
    "\u0660\u0666\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
    f"06{NO_BREAK_SPACE}12345678",
    f"06{ZERO_WIDTH_SPACE}12345678",
    f"06{WORD_JOINER}1234{WORD_JOINER}5678",
    f"06{SOFT_HYPHEN}12345678",
    "06\u201112345678",
    "0612345678\n",
]
LEGITIMATE = [
    "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "F81D4FAE-7DEC-41D0-A765-00A0C91E6BF6",
    "12345678-1234-4234-8234-123456789012",
    "a1234567-1234-4234-8234-123456789012",
    "00000000-0000-4000-8000-0612345678ab",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "1234567890.1234567890",
    "987654321.1763892000",
    "GA1.1.1234567890.1763892000",
    "tw.fg$ae12deH.8631552",
    "abcDEF0123456789._$=-",
    "dGhpcyBpcyBhIHRlc3Q=",
    "visitor-8612345678",
    "0612345678a",
    "123456",
    "1234567890123456",
    "a",
    "x" * 128,
]


def shop(**changed: object) -> shops.Shop:
    keys = {"profile_salt": f'"{SALT}"', **{name: str(value) for name, value in changed.items()}}
    document = '[shops.a]\nplatform = "shopify"\nsecrets = ["s"]\ninstance_key = "1234abcd"\n'
    document += "".join(f"{name} = {value}\n" for name, value in keys.items() if value != "None")
    return shops.parse(document, "shops.toml", all_platforms())["a"]


SHOP = shop()


def chosen(key: str) -> str | Ignored:
    """What becomes of a key that the storefront wrote, for a known customer."""
    return profile_key.choose_for_order(Visitor({NAME: key}, CUSTOMER), SHOP)


def ignored(visitor: Visitor, config: shops.Shop = SHOP) -> Ignored:
    answer = profile_key.choose_for_order(visitor, config)
    assert isinstance(answer, Ignored)
    return answer


@for_each("key", [*EMAILS, *PHONES])
def test_personal_data_is_never_a_key(key: str) -> None:
    """An e-mail address or a phone number is refused in every writing."""
    assert isinstance(chosen(key), Ignored)


@for_each("key", [key for key in (*EMAILS, *PHONES) if key.isascii()])
def test_personal_data_is_called_so(key: str) -> None:
    """Written in ASCII it is recognised for what it is, not only for its characters."""
    assert ignored(Visitor({NAME: key})).reason is Reason.PERSONAL_DATA


@for_each("key", [*EMAILS, *PHONES, "x" * 129, "geheim!", "a b"])
def test_refusal_does_not_repeat_the_value(key: str) -> None:
    """The sentence names the attribute and never what was in it."""
    refusal = ignored(Visitor({NAME: key}))
    assert (key.strip() in refusal.detail, NAME in refusal.detail) == (False, True)


@for_each("key", LEGITIMATE)
def test_legitimate_key_passes(key: str) -> None:
    """Random ids, hashes and analytics ids are sent as they are, whatever digits they hold."""
    assert chosen(key) == key


@given(st.uuids())
def test_every_uuid_passes(key: UUID) -> None:
    """No UUID is mistaken for a phone number."""
    assert chosen(str(key)) == str(key)


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_passes(digest: bytes) -> None:
    """No SHA-256 is mistaken for a phone number."""
    assert chosen(digest.hex()) == digest.hex()


@given(st.text(st.characters()))
def test_any_text_is_a_key_or_a_reason(key: str) -> None:
    """Whatever a storefront wrote, what is sent has only allowed characters."""
    answer = profile_key.choose_for_order(Visitor({NAME: key}), SHOP)
    assert isinstance(answer, Ignored) or profile_key.ALLOWED.fullmatch(answer)


@given(st.from_regex(r"(\+|00)?[1-9][0-9]{8,11}", fullmatch=True), st.sampled_from([".", "-", "_", " ", "", "=", "$"]))
def test_separators_do_not_hide_a_number(number: str, separator: str) -> None:
    """A phone number is refused with any separator between any of its digits."""
    assert ignored(Visitor({NAME: separator.join(number)})).reason is Reason.PERSONAL_DATA


@pytest.mark.parametrize("key", ["a b", "é", "a/b", "a+b", "a:b", "a,b", "🎁", "a\x00b", "\ud800", "x" * 129])
def test_other_characters_are_refused(key: str) -> None:
    """A key has at most 128 characters, of the ones the API's own examples use."""
    assert ignored(Visitor({NAME: key})).reason is Reason.BAD_PROFILE_KEY


def test_bad_key_is_not_replaced_by_a_derived_one() -> None:
    """A storefront that writes something unusable is corrected, not worked around."""
    assert isinstance(chosen("a b"), Ignored)


def test_carried_wins_over_derived() -> None:
    """The key that the storefront wrote is the one the visitor searched under."""
    assert chosen(WRITTEN) == WRITTEN


def test_derived_key_is_openssls_hmac() -> None:
    """The customer id is keyed with the shop's salt: hex(HMAC-SHA256(salt, id))."""
    assert profile_key.choose_for_order(Visitor({}, CUSTOMER), SHOP) == DERIVED


@pytest.mark.parametrize("key", ["", "  ", "\u00a0"])
def test_blank_attribute_is_none(key: str) -> None:
    """A storefront that had nothing to write wrote nothing."""
    assert chosen(key) == DERIVED


def test_key_is_trimmed() -> None:
    """White space around a key is no part of it."""
    assert chosen(f" {WRITTEN}\n") == WRITTEN


@pytest.mark.parametrize("configured", ["my_key", "_my_key"])
@pytest.mark.parametrize("written", ["my_key", "_my_key"])
def test_leading_underscore_is_tolerated(configured: str, written: str) -> None:
    """Shopify hides attributes and WooCommerce hides meta that begin with an underscore."""
    config = shop(profile_attribute=f'"{configured}"')
    assert profile_key.choose_for_order(Visitor({written: WRITTEN}), config) == WRITTEN


def test_configured_name_wins() -> None:
    """With both spellings in the order, the configured one counts."""
    assert profile_key.attribute_value({"_my_key": "b", "my_key": "a"}, "my_key") == "a"


@pytest.mark.parametrize("other", ["__my_key", "my_key_", "MY_KEY", "my_ke"])
def test_other_names_do_not_count(other: str) -> None:
    """Only one leading underscore is tolerated."""
    assert profile_key.attribute_value({other: WRITTEN}, "my_key") == ""


def test_consent_needs_a_written_key() -> None:
    """A shop that requires consent never sends a derived key; only an attribute that is there, empty, is a refusal."""
    strict = shop(require_consent="true")
    assert ignored(Visitor({}, CUSTOMER), strict).reason is Reason.NO_KEY
    assert ignored(Visitor({NAME: ""}, CUSTOMER), strict).reason is Reason.NO_CONSENT
    assert profile_key.choose_for_order(Visitor({NAME: ""}, CUSTOMER), shop()) != ""


def test_consent_is_a_written_key() -> None:
    """A key that the storefront wrote is the consent."""
    assert profile_key.choose_for_order(Visitor({NAME: WRITTEN}), shop(require_consent="true")) == WRITTEN


@pytest.mark.parametrize(
    ("customer", "salt", "sentence"),
    [
        (None, f'"{SALT}"', "A guest without tweakwise_profile_key"),
        ("", f'"{SALT}"', "A guest without tweakwise_profile_key"),
        (CUSTOMER, None, "the shop has no profile_salt"),
        (None, None, "A guest without tweakwise_profile_key"),
    ],
)
def test_no_profile_says_why(customer: str | None, salt: str | None, sentence: str) -> None:
    """Without a key and without a customer or a salt, nothing is sent, and the detail names what is missing."""
    refusal = ignored(Visitor({}, customer), shop(profile_salt=salt))
    assert (refusal.reason, sentence in refusal.detail) == (Reason.NO_PROFILE, True)


@pytest.mark.parametrize(
    ("key", "usable"),
    [(WRITTEN, True), ("a" * 128, True), ("a" * 129, False), ("a b", False), ("", False), (EMAILS[0], False)]
    + [(key, False) for key in ("jan-at-example.nl", "jan=40example.nl", "0612345678")],
)
def test_a_key_that_is_usable_unchanged(key: str, usable: bool) -> None:
    """It has only the characters of a key, and does not look like personal data."""
    assert profile_key.is_usable(key) is usable
