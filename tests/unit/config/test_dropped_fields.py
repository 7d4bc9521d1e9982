"""Fields are removed from a body without changing anything else of it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_app.config import shops
from webhook_app.config.dropped_fields import DEFAULT, DroppedFields
from webhook_app.errors import ConfigurationError
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Sequence

DROPPED = DroppedFields(DEFAULT)
MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ('{"payment_url":"x"}', "{}"),
        ('{"a":1,"payment_url":"x"}', '{"a":1}'),
        ('{"payment_url":"x","a":1.50}', '{"a":1.50}'),
        ('{"a":1,"payment_url":"x","order_key":[1,{"b":2}]}', '{"a":1}'),
        ('{"a":1, "payment_url" : "x" , "order_key": "y" }', '{"a":1 }'),
        ('{"order":{"deepLinkCode":"abc","id":1}}', '{"order":{"id":1}}'),
        ('[{"order_key":null},{"order_key":true}]', "[{},{}]"),
        ('{"order_key":{"order_key":"inner"},"a":1e400}', '{"a":1e400}'),
        ('{"a":"\\"order_key\\":\\"x\\""}', '{"a":"\\"order_key\\":\\"x\\""}'),
        ('{"a":"order_key"}', '{"a":"order_key"}'),
        ('{"my_order_key":"x"}', '{"my_order_key":"x"}'),
        ('{"\\u006frder_key":"x","a":"\\u00e9"}', '{"a":"\\u00e9"}'),
        ('{"name":"Zo\u00eb","payment_url":"\u20ac","a":"\u00e9"}', '{"name":"Zo\u00eb","a":"\u00e9"}'),
        ('{"order_key":', '{"order_key":'),
        ("no JSON", "no JSON"),
        ("", ""),
    ],
)
def test_only_the_fields_go(body: str, left: str) -> None:
    """With their comma, at any depth, and never a text that only looks like one."""
    assert DROPPED.removed_from(body.encode()) == left.encode()


def test_an_unchanged_body_is_the_same_object() -> None:
    """Nothing is copied where there is nothing to remove."""
    body = b'{"id": 1}'
    assert DROPPED.removed_from(body) is body


def test_a_path_is_within_its_object() -> None:
    """The same name elsewhere stays."""
    body = b'{"phone":1,"billing":{"name":"x","phone":2},"shipping":{"phone":3}}'
    left = b'{"phone":1,"billing":{"name":"x"},"shipping":{"phone":3}}'
    assert DroppedFields(("billing.phone",)).removed_from(body) == left


NAMES = st.sampled_from([*DEFAULT, "id", "order_key2", 'a"b', "\\", "", "\u00e9"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(DEFAULT),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
)


def without(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {name: without(inner, names) for name, inner in value.items() if name not in names}
    return [without(inner, names) for inner in value] if isinstance(value, list) else value


@given(VALUES, st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]), st.booleans())
def test_what_is_left_is_the_same_value(value: Any, separators: tuple[str, str], ascii_only: bool) -> None:
    """For any JSON value in any style."""
    body = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    left = DROPPED.removed_from(body)
    assert json.loads(left) == without(value, DEFAULT)
    assert not [name for name in DEFAULT if f'"{name}":'.encode() in left]


@pytest.mark.parametrize(
    "hostile",
    [
        b'{"order_key":1,' * (MEGABYTE // 15),
        b"[" + b'{"order_key":1},' * (MEGABYTE // 16) + b"1]",
        b'{"order_key"' + b" " * MEGABYTE + b"}",
        b'"order_key":' * (MEGABYTE // 12),
        b'{"order_key":' * (MEGABYTE // 13),
    ],
)
def test_time_is_bounded(hostile: bytes) -> None:
    """Whatever was signed, a megabyte takes no more than a moment."""
    began = time.thread_time()
    DROPPED.removed_from(hostile)
    assert time.thread_time() - began < 5


def parse(drop_fields: str) -> shops.Shop:
    document = (
        f'[shops.a]\nplatform = "shopify"\nsecrets = ["s"]\ninstance_key = "1234abcd"\ndrop_fields = {drop_fields}\n'
    )
    return shops.parse(document, "shops.toml", all_platforms())["a"]


def test_configuration() -> None:
    """A shop names its own fields, or none."""
    assert parse('["note", "billing.phone"]').drop_fields.paths == ("note", "billing.phone")
    assert parse("[]").drop_fields.removed_from(b'{"order_key":1}') == b'{"order_key":1}'


@pytest.mark.parametrize("odd", ['["line_items"]', '["a b"]', '[""]', '["a..b"]', "[1]", '"note"'])
def test_odd_configuration_is_refused(odd: str) -> None:
    """What is no name, and what no event can be made without."""
    with pytest.raises(ConfigurationError, match="drop_fields"):
        parse(odd)
