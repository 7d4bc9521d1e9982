"""diagnose_query: the cause of a failing signature of a storefront's query."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import ASKED, Asked
from tests.support.signatures import (
    ARRIVED,
    GENUINE,
    OTHERS,
    PLAIN,
    QUERY_AT,
    SALT,
    configuration_for,
    diagnose_signed_query,
    signed_query,
    verified_causes,
)
from webhook_app.signature_check import diagnose_query, query_of


@pytest.mark.parametrize("one", ASKED, ids=lambda one: one.name)
def test_genuine_queries_are_accepted(one: Asked) -> None:
    """Queries that the receiver accepts have no finding."""
    assert not diagnose_query(one.signed, one.proxy, one.shop, configuration_for(one), ARRIVED).reason


QUERIES: dict[str, tuple[bytes, str]] = {
    "added": (GENUINE + b"&utm_source=mail", "parameter utm_source was added"),
    "blank dropped": (GENUINE.replace(b"logged_in_customer_id=&", b""), "logged_in_customer_id was removed"),
    "html": (GENUINE.replace(b"&", b"&amp;"), "HTML entities"),
    "encoded twice": (GENUINE.replace(b"/", b"%252F"), "URL-encoded a second time"),
    "encoded whole": (quote(GENUINE.decode(), safe="").encode(), "URL-encoded a second time"),
    "another shop": (signed_query(PLAIN, OTHERS), "another shop: globex"),
    "salt": (signed_query(PLAIN, SALT), "profile_salt"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_query_change_is_named(name: str) -> None:
    """The change to the query, or the shop whose secret signed it, is named."""
    query, words = QUERIES[name]
    assert not diagnose_signed_query(GENUINE).reason
    [cause] = verified_causes(diagnose_signed_query(query))
    assert words in cause


def test_old_query_is_named() -> None:
    """The signature matches, and the time is wrong."""
    assert "60 minutes old when it was received" in verified_causes(diagnose_signed_query(GENUINE, QUERY_AT + 3600))[0]
    assert "--at" in diagnose_signed_query(GENUINE, None).findings[0].advice


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (b"", "has no signature"),
        (GENUINE.replace(b"signature=", b"hmac="), "app's own address"),
        (GENUINE.replace(b"mug", b"cup"), "No known change"),
    ],
)
def test_unexplained_query_gets_hints(query: bytes, words: str) -> None:
    """Whatever is unusual is reported as a hint."""
    diagnosis = diagnose_signed_query(query)
    assert diagnosis.reason
    assert words in diagnosis.findings[0].text
    assert not verified_causes(diagnosis)


@given(st.binary(max_size=200))
def test_any_query_gives_a_diagnosis(query: bytes) -> None:
    """Any bytes give a diagnosis."""
    assert diagnose_signed_query(query).reason


@pytest.mark.parametrize(
    "text", ["a=1&b=2", "?a=1&b=2\n", "https://x.example/y?a=1&b=2#z", "/storefront/shopify/acme/search?a=1&b=2"]
)
def test_query_is_read_from_an_address(text: str) -> None:
    """Alone or as part of an address."""
    assert query_of(text) == b"a=1&b=2"
