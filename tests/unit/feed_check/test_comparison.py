"""The comparison of sent keys with a feed, and the best template."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from webhook_app.config import shops
from webhook_app.feed_check import Comparison
from webhook_app.inbox.shop_records.feed_check_results import FeedCheckResult, TemplateTrial
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Callable


def shop(template: str = "{product_id}", fields: str = "store = 1\nmarket = 'eu'") -> shops.Shop:
    text = f"""
        [shops.acme]
        platform = "shopify"
        secrets = ["s"]
        instance_key = "1234abcd"
        product_key = "{template}"
        fields = {{ {fields.replace(chr(10), ", ")} }}
    """
    return shops.parse(text, "SHOPS", all_platforms())["acme"]


def lines(count: int = 30) -> list[dict[str, str]]:
    """The fields of order lines, with the shop's own fields."""
    return [
        {
            "product_id": str(7000 + 3 * n),
            "variant_id": str(91000 + 7 * n),
            "sku": f"SKU-{n:03d}",
            "locale": "nl-NL",
            "currency": "EUR",
            "store": "1",
            "market": "eu",
        }
        for n in range(count)
    ]


def compared(ids_: list[str], template: str = "{product_id}", sent: Counter[str] | None = None) -> FeedCheckResult:
    one = shop(template)
    comparison = Comparison(one, sent or Counter(), lines())
    for item_id in ids_:
        comparison.add(item_id)
    return comparison.result("feed.xml", len(ids_), 7, 5)


@pytest.mark.parametrize(
    ("how", "best"),
    [
        (lambda line: line["variant_id"], "{variant_id}"),
        (lambda line: line["sku"], "{sku}"),
        (lambda line: f"10001{line['product_id']}", "1{store:04d}{product_id}"),
        (lambda line: f"eu_nl-NL_{line['variant_id']}", "{market}_{locale}_{variant_id}"),
        (lambda line: f"{line['variant_id']}-{line['product_id']}", "{variant_id}-{product_id}"),
        (lambda line: f"a1b2c3d4-{line['product_id']}", "a1b2c3d4-{product_id}"),
        (lambda line: f"{line['sku']}/{{web}}", "{sku}/{{web}}"),
        (lambda line: f"nl|{line['variant_id']}|web", "nl|{variant_id}|web"),
    ],
)
def test_best_template_is_found(how: Callable[[dict[str, str]], str], best: str) -> None:
    """Known kinds of ids, the shop's own fields, and prefixes that only the feed has."""
    others = [f"1000{n}" for n in range(2000)]
    found = compared([*others, *map(how, lines())])
    assert found.better == TemplateTrial(best, 30)
    assert shop(best).product_key.fill(lines()[0]) == how(lines()[0])


def test_right_template_is_not_replaced() -> None:
    """No other one is proposed when none is better, even if several fit."""
    found = compared([line["product_id"] for line in lines()])
    assert found.own == TemplateTrial("{product_id}", 30)
    assert found.better is None
    assert compared([f"x-{line['product_id']}" for line in lines()], "x-{product_id}").better is None


def test_shares_are_counted() -> None:
    """A key that was sent twice counts twice; the most frequent misses are first; repeated ids count once."""
    found = compared(["1", "2", "2"], sent=Counter({"1": 5, "2": 1, "3": 2, "4": 2, "5": 4}))
    assert (found.sent, found.sent_found, found.keys, found.keys_found) == (14, 6, 5, 2)
    assert found.misses == ("5", "3", "4")
    assert found.share == pytest.approx(6 / 14)


def test_one_match_is_chance() -> None:
    """A prefix is proposed that two different lines have, or all where there is one."""
    assert compared(["x-7000"]).better is None
    assert compared(["x-7000", "x-7003"]).better == TemplateTrial("x-{product_id}", 2)


def test_prefixes_do_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many ids that contain a known number by chance take no memory, and do not displace frequent prefixes."""
    monkeypatch.setattr("webhook_app.feed_check.comparison.MOST_PREFIXES", 100)
    right = [f"shop7-{line['product_id']}" for line in lines()]
    comparison = Comparison(shop(), Counter(), lines())
    tracemalloc.start()
    try:
        for item_id in (*right[:10], *(f"{n}-7000" for n in range(5000)), *right[10:]):
            comparison.add(item_id)
        assert tracemalloc.get_traced_memory()[0] < 500_000
    finally:
        tracemalloc.stop()
    assert comparison.result("feed.xml", 5030, 7, 5).better == TemplateTrial("shop7-{product_id}", 30)
