"""The findings about shops whose webhooks may be another's, with the line to write."""

from __future__ import annotations

import pytest

from webhook_app.config.shop_addresses import problems
from webhook_app.config.shops import Shop, parse
from webhook_app.platforms import all_platforms

TABLE = '[shops.{name}]\nplatform = "{platform}"\nsecrets = ["{secret}"]\ninstance_key = "1234abcd"\n'
KEY = "whsec_" + "a" * 32


def shops(*names: str, secret: str = "", platform: str = "shopify", lines: str = "") -> dict[str, Shop]:
    tables = [
        TABLE.format(name=name, platform=platform, secret=secret or f"secret-of-{name}") + lines for name in names
    ]
    return parse("".join(tables), "shops.toml", all_platforms())


def lines_of(known: dict[str, Shop], **seen: list[str]) -> list[tuple[str, str]]:
    return [(one.shop, one.line) for one in problems(known, all_platforms(), seen)]


@pytest.mark.parametrize(
    ("domain", "seen", "line"),
    [
        ("", ["a.example", "b.example"], 'domain = "a.example"'),
        ('domain = "a.example"\n', ["b.example", "a.example"], 'domain = ["a.example", "b.example"]'),
        ('domain = "a.example"\n', ["b.example"], 'domain = ["a.example", "b.example"]'),
    ],
)
def test_other_addresses(domain: str, seen: list[str], line: str) -> None:
    """Two addresses of a shop are named, and those that its domain excludes, with the line that decides."""
    known = shops("acme", lines=domain)
    assert lines_of(known, acme=seen) == [("acme", line)]
    [found] = problems(known, all_platforms(), {"acme": seen})
    assert "b.example" in found.text
    assert found.advice == f"Write into [shops.acme]: {line}"


@pytest.mark.parametrize("seen", [[], ["a.example"]])
def test_one_address_is_right(seen: list[str]) -> None:
    """A shop that one address sends for has no finding."""
    assert lines_of(shops("acme", "globex"), acme=seen) == []


APP = '[shops.{name}]\nplatform = "shopware"\napp_secret = "{secret}"\ninstance_key = "1234abcd"\n'


def test_an_app_that_registered_again_has_moved() -> None:
    """Only one installation has the agreed secret: the busiest address would be the old one."""
    known = parse(APP.format(name="acme", secret="a-secret"), "shops.toml", all_platforms())
    assert lines_of(known, acme=["old.example", "new.example"]) == []


def test_shared_app_secret() -> None:
    """The app of one shop could register as the other."""
    tables = "".join(APP.format(name=name, secret="one-app-secret") for name in ("acme", "globex"))
    found = problems(parse(tables, "shops.toml", all_platforms()), all_platforms(), {})
    assert [one.shop for one in found] == ["acme", "globex"]
    assert all("a registration of one passes for the other" in one.text for one in found)


def test_shared_secret() -> None:
    """Two shops with one secret are named, each with its line, until both are pinned."""
    known = shops("acme", "globex", secret="one-secret-of-two-shops")
    expected = [("acme", 'domain = "a.example"'), ("globex", 'domain = "<address of globex>"')]
    assert lines_of(known, acme=["a.example"]) == expected
    assert lines_of(shops("acme", "globex", secret="one", lines='domain = "x.example"\n')) == []


def test_a_secret_of_many_shops_is_one_finding_each() -> None:
    """Such as that of an agency's app: the sentence names some of the others, and no pair has one of its own."""
    names = [f"shop-{number}" for number in range(200)]
    found = problems(shops(*names, secret="one-secret-of-all-shops"), all_platforms(), {})
    assert [one.shop for one in found] == names
    assert found[0].others == tuple(names[1:])
    assert "shop-1, shop-2, shop-3, shop-4, shop-5 and 194 more have too" in found[0].text


def test_shared_secret_of_a_platform_without_addresses() -> None:
    """There only a secret of its own helps."""
    known = shops("acme", "globex", secret=KEY, platform="standard")
    assert {line for _, line in lines_of(known)} == {'secrets = ["<a secret of its own>"]'}


def test_long_lists_are_cut() -> None:
    """A sentence names a limited number of addresses."""
    [found] = problems(shops("acme"), all_platforms(), {"acme": [f"{number}.example" for number in range(9)]})
    assert "9 addresses" in found.text
    assert "and 4 more" in found.text
