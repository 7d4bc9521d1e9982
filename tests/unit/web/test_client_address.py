"""Whose request a proxied one is: the address in X-Forwarded-For that the platform wrote, one for each line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_app.web import client_address

PEER, EGRESS = "198.51.100.9", "23.227.38.1"


@pytest.mark.parametrize(
    ("forwarded_for", "own_proxies", "address"),
    [
        ("203.0.113.7", 0, "203.0.113.7"),
        (f"203.0.113.7, {EGRESS}", 1, "203.0.113.7"),
        (f"203.0.113.7,{EGRESS},198.51.100.1", 2, "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", 0, "203.0.113.7"),
        (f"1.1.1.1, 2.2.2.2, 203.0.113.7, {EGRESS}", 1, "203.0.113.7"),
        ("203.0.113.7, 10.0.0.3, 192.168.1.1", 0, "203.0.113.7"),
        ("10.0.0.3", 0, "10.0.0.3"),
        ("203.0.113.7, unknown", 0, "203.0.113.7"),
        ("", 0, PEER),
        (EGRESS, 1, PEER),
        ("nonsense, ,", 0, PEER),
        ("1.1.1.1," * 100_000 + "203.0.113.7", 0, "203.0.113.7"),
    ],
)
def test_address_is_what_the_platform_wrote(forwarded_for: str, own_proxies: int, address: str) -> None:
    """Each of the own proxies appends one entry; what a visitor wrote stands to the left and is not read."""
    assert client_address.of_visitor(forwarded_for, own_proxies, PEER) == address


@pytest.mark.parametrize(
    ("texts", "address"),
    [
        (
            ["203.0.113.7", "203.0.113.7:4711", " 203.0.113.7 ", "::ffff:203.0.113.7", "64:ff9b::cb00:7107"],
            "203.0.113.7",
        ),
        (["2002:cb00:7107::1", "2002:cb00:7107:ff::2", "[::ffff:203.0.113.7]:443"], "203.0.113.7"),
        (
            ["2a02:a450:1:2::1", "2a02:a450:1:2:ffff::9", "[2a02:a450:1:2::1]:443", "2a02:a450:1:2::1%eth0"],
            "2a02:a450:1:2::/64",
        ),
        (["fe80::1%eth0", "fe80::2"], "fe80::/64"),
        (["", "-", "x" * 100_000, "1.2.3", "1.2.3.4.5", "[", "[]:1", "::g"], ""),
    ],
    ids=["IPv4", "6to4", "IPv6", "zone", "none"],
)
def test_one_line_has_one_address(texts: list[str], address: str) -> None:
    """A household has a /64 of IPv6, and an IPv4 address is the same one in every spelling."""
    assert {client_address.normalized(text) for text in texts} == {address}


@given(st.text(st.characters(max_codepoint=255), max_size=60), st.integers(0, 10), st.text(max_size=20))
def test_any_header_has_an_address_or_none(forwarded_for: str, own_proxies: int, peer: str) -> None:
    """No text raises an exception."""
    assert isinstance(client_address.of_visitor(forwarded_for, own_proxies, peer), str)
