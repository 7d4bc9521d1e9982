"""The normal form of a shop's address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_app.platforms.address import normal_form


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme.myshopify.com", "acme.myshopify.com"),
        ("https://www.Acme.example/", "acme.example"),
        ("http://acme.example", "acme.example"),
        ("HTTPS://ACME.EXAMPLE:443//", "acme.example"),
        ("http://acme.example:80/", "acme.example"),
        ("acme.example.", "acme.example"),
        ("//acme.example", "acme.example"),
        (" acme.example ", "acme.example"),
        ("https://acme.example:8443/", "acme.example:8443"),
        ("localhost:8080/", "localhost:8080"),
        ("https://acme.example/Staging/", "acme.example/Staging"),
        ("https://acme.example/?a=b#c", "acme.example"),
        ("https://user:word@acme.example/", "acme.example"),
        ("https://m\u00fcller.example/", "xn--mller-kva.example"),
        ("https://M\u00dcLLER.example/".encode().decode("latin-1"), "xn--mller-kva.example"),
        ("https://xn--mller-kva.example/", "xn--mller-kva.example"),
        ("", ""),
        ("https:///", ""),
        ("/", ""),
    ],
)
def test_normal_form(text: str, expected: str) -> None:
    """Scheme, www, usual port, capitals of the host and slashes at the end make no difference; a path does."""
    assert normal_form(text) == expected


@given(st.text(max_size=600))
def test_any_text_has_a_normal_form(text: str) -> None:
    """Whatever a header holds, the result is short visible ASCII, and its own normal form."""
    found = normal_form(text)
    assert len(found) <= 255
    assert found.isascii()
    assert found == "" or found.isprintable()
