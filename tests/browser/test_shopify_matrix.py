"""A visitor who agreed has one key on every page, in every view and in the order; any other visitor has none."""

from __future__ import annotations

import os
import re
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browsers import chromium, needs_chromium
from tests.support.shopify_shop.hostile import SCRIPTS, Journey, account_key, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

pytestmark = needs_chromium

COOKIE = "tweakwise_profile_key"
KEY = re.compile("[0-9a-f]{32}")
EMBEDS = ("cached", "slow", "module", "twice", "between")
CONSENTS: dict[str, dict[str, Any]] = {
    "agreed before": {"consent": "yes"},
    "agrees": {"consent": "", "pages": (("agree",), ("add", "order"))},
    "agrees on each page, which Shopify does not remember": {"consent": "", "forgetful": True},
    "agreed, and the pixel may always run": {"consent": "yes", "permission": "none"},
    "undecided, and the pixel may always run": {"consent": "", "permission": "none"},
    "refused before": {"consent": "no"},
    "refuses": {"consent": "", "pages": (("refuse",), ("add", "order"))},
    "withdraws elsewhere": {"consent": "yes", "withdraw": 1, "pages": (("add",), ("order",))},
    "withdraws": {"consent": "yes", "pages": (("add", "refuse"), ("order",))},
}


def journeys() -> list[Journey]:
    """Every order of loading with every consent, in each form of the app embed; JOURNEYS=all takes all three together.

    Usually a fifth of them is walked, in which each two of the three meet.
    """
    every = product(enumerate(SCRIPTS), enumerate(EMBEDS), enumerate(CONSENTS.items()))
    return [
        Journey(f"{name}, script {load}, embed {embed}", load=load, embed=embed, **choice)
        for (first, load), (second, embed), (third, (name, choice)) in every
        if "JOURNEYS" in os.environ or (first + third) % len(EMBEDS) == second
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all journeys."""
    with chromium() as browser:
        yield browser


def stored(journey: Journey) -> list[str]:
    """What the app embed stored, as of the last page."""
    names = [pair.partition("=")[0] for pair in journey.seen[-1]["cookies"].split("; ")]
    return [name for name in names if name.startswith("tweakwise_")]


def is_lawful(journey: Journey) -> bool:
    """Return whether a visitor who agreed has one key everywhere, and any other none anywhere."""
    keys, views, [order] = journey.keys(), journey.reported(), journey.orders
    if journey.name.startswith("agree"):
        [key, *others] = {*keys, *views, order.get(COOKIE, "")}
        return not others and bool(KEY.fullmatch(key)) and len(views) == 2 and journey.writes() == 1
    if not journey.name.startswith("withdraws"):
        return {*keys, *views, order.get(COOKIE, "")} <= {""} and not stored(journey) and not journey.writes()
    # Without Shopify's script a withdrawal elsewhere cannot be known; the page uses nothing all the same.
    unknown = "elsewhere" in journey.name and journey.load in {"never", "error"}
    return not keys[-1] and len(views) == 1 and (unknown or not (stored(journey) or order[COOKIE]))


def test_every_order_of_loading(browser: Browser) -> None:
    """However Shopify's script, the app embed and the pixel load: the visitor's decision holds on every page."""
    every = journeys()
    walk(browser, every)
    unlawful = [one for one in every if not is_lawful(one) or errors(one)]
    assert not unlawful, f"{len(unlawful)} of {len(every)}: " + "\n".join(map(described, unlawful[:8]))


def errors(journey: Journey) -> list[str]:
    return [fault for fault in journey.faults() if fault.startswith("error")]


def described(journey: Journey) -> str:
    found = journey.keys(), journey.reported(), journey.orders, stored(journey), journey.asked, journey.faults()
    return f"{journey.name}: {found}"


ORDER = ("add", "order")
ACCOUNT = account_key("77")
SINGLE: list[tuple[Journey, Callable[[Journey], bool]]] = [
    (Journey("no cart is made for a key", pages=((), ())), lambda it: it.asked == [] and has_one_key(it)),
    (Journey("yes, no, yes at once", consent="", pages=(("add", "waver"), ("order",))), lambda it: carried(it) == 1),
    (Journey("the cart answers 429 and 503", refuses=[429, 503]), lambda it: carried(it) == 3),
    (Journey("the cart loses what is written", loses=2), lambda it: carried(it) == 3),
    (Journey("a cart that never holds the key", loses=99), lambda it: it.writes() <= 20 and has_one_key(it)),
    (Journey("an app replaces the attributes", pages=(("add", "replace", "order"),)), lambda it: carried(it) == 2),
    (Journey("a second cart without a new page", pages=((*ORDER, *ORDER),)), lambda it: carried(it) == 2),
    (Journey("a shop in two languages", root="/nl-be/"), lambda it: carried(it) == 1),
    (Journey("cookies are refused", cookies="refused"), lambda it: not it.writes() and it.keys() == ["", ""]),
    (Journey("the theme editor", design=True), lambda it: it.keys() == ["", ""] and not it.writes()),
    (
        Journey("no consent is needed", consent="no", permission="none", settings={"consent": False}),
        lambda it: carried(it) == 1,
    ),
    *(
        (Journey(f"an earlier key {text}", stored=text), lambda it: carried(it) == 1)
        for text in ("undefined", "0612345678", "jan-at-example.nl", "amFuQGV4YW1wbGUubmw=")
    ),
    (Journey("an earlier key", stored="0F" * 16), lambda it: {*it.keys()} == {"0F" * 16} and carried(it) == 1),
    (
        Journey("a log-in in the middle", accounts={1: "77"}),
        lambda it: it.keys()[1] == it.reported()[1] == order_key(it) == ACCOUNT != it.keys()[0],
    ),
    (
        Journey("a log-in and a logout", pages=((), (), ORDER), accounts={1: "77"}),
        lambda it: it.keys() == it.reported() == [order_key(it), ACCOUNT, order_key(it)],
    ),
    (
        Journey("a log-in while Shopify's script is late", load="late", accounts={1: "77"}),
        lambda it: it.keys()[1] == it.reported()[1] == order_key(it) == ACCOUNT,
    ),
    (
        Journey("a log-in while the receiver hangs", pages=(("add",), ORDER), accounts={1: "77"}, hangs="/profile"),
        lambda it: it.keys() == it.reported() == [order_key(it)] * 2 and it.writes() == 1,
    ),
    (
        Journey(
            "settings with and without slashes",
            settings={"path": " apps/tweakwise/ ", "cookie": " tweakwise_profile_key "},
        ),
        lambda it: carried(it) == 1 and it.faults() == [] and len(it.reported()) == 2,
    ),
    (
        Journey(
            "settings that cannot be",
            settings={"path": "", "cookie": "a;b", "attribute": " ", "days": 0},
            embed="twice",
        ),
        lambda it: carried(it) == 1 and len(it.faults()) == 8 and len(it.reported()) == 2,
    ),
    (
        Journey(
            "the page's own results",
            consent="",
            pages=(("ask", "view", "agree", "mark"),),
            calls="tweakwise.search('x')",
        ),
        lambda it: (
            sorted(name for name, _ in it.reports) == sorted(["search", "pageview"] * 2 + ["addtowishlist"])
            and len({parameters["profile_key"] for _, parameters in it.reports}) == 1
            and sorted(len(parameters["term"]) for name, parameters in it.reports if name == "search") == [1, 500]
            and [
                (parameters["product_id"], bool(KEY.fullmatch(parameters["session_key"])))
                for name, parameters in it.reports
                if name == "addtowishlist"
            ]
            == [("gid://shopify/Product/8", True)]
        ),
    ),
    (
        Journey("the page's own results, refused", consent="no", pages=(("ask", "view", "mark"),)),
        lambda it: it.reports == [],
    ),
    (
        Journey("the receiver answers 429", permission="none", pages=(("ask",),), refuses_reports=[200, 429]),
        lambda it: len(it.reported("search")) == 2,
    ),
    (
        Journey("sessions", settings={"sessions": True}),
        lambda it: len(it.reported("sessionstart")) == 1 and carried(it) == 1,
    ),
]


def has_one_key(journey: Journey) -> bool:
    keys = {*journey.keys(), *journey.reported()}
    return len(keys) == 1 and all(map(KEY.fullmatch, keys))


def order_key(journey: Journey) -> str:
    return journey.orders[-1].get(COOKIE, "")


def carried(journey: Journey) -> int:
    """Return how often the cart was written, if there is one key that each order carries; else -1."""
    has_it = all(order.get(COOKIE) == journey.keys()[0] for order in journey.orders)
    return (
        journey.writes()
        if has_it and journey.orders and {*journey.keys()} == {*journey.reported(), order_key(journey)}
        else -1
    )


def test_hard_shops_and_visits(browser: Browser) -> None:
    """Carts that lose and refuse, pages without loads, log-ins, odd settings, refused cookies."""
    walk(browser, [one for one, _ in SINGLE], tabs=1)
    unlawful = [one for one, is_right in SINGLE if not is_right(one) or errors(one)]
    assert not unlawful, "\n".join(map(described, unlawful))
