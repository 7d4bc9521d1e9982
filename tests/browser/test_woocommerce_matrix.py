"""A visitor who agreed has one key on every page, in every view and in the order; any other visitor has none."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browsers import chromium, needs_chromium
from tests.support.wordpress_pages import API, OWN, Journey, account_key, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

pytestmark = needs_chromium

KEY = re.compile("[0-9a-f]{32}")
CONSENTS: dict[str, dict[str, Any]] = {
    "agreed before": {"consent": "allow"},
    "agrees": {"consent": "", "pages": (("agree",), ("order",))},
    "agrees by saying nothing": {"consent": "", "kind": "optout"},
    "yes, no, yes": {"consent": "", "pages": (("waver",), ("order",))},
    "undecided": {"consent": ""},
    "refused before, with an older key": {"consent": "deny", "stored": "0f" * 16},
    "refuses": {"consent": "", "pages": (("refuse",), ("order",))},
    "withdraws": {"consent": "allow", "pages": (("refuse",), ("order",))},
    "withdraws elsewhere": {"consent": "allow", "elsewhere": {1: "deny"}},
}


APIS = (*API, "late", "broken", "set late", "never")


def journeys() -> list[Journey]:
    """Every order of loading for a visitor who agrees or does not, and every consent with each way the API loads."""
    orders = product(("agrees", "undecided"), ("before", "deferred", "late", "set late"), (*OWN, "delayed"))
    choices = product(CONSENTS, APIS, ("deferred",))
    return [
        Journey(f"{name}; consent API {api}, script {own}", api=api, own=own, **CONSENTS[name])
        for name, api, own in dict.fromkeys((*choices, *orders))
        if name != "undecided" or own in ("deferred", "delayed")
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all journeys."""
    with chromium() as browser:
        yield browser


def is_lawful(journey: Journey) -> bool:
    """Return whether a visitor who agreed has one key everywhere, and any other none anywhere."""
    views, [order] = journey.views(), journey.orders
    if journey.faults():
        return False
    if journey.api == "never":
        return not (any(journey.keys()) or views)
    if journey.name.startswith(("agree", "yes")):
        return has_one_key(journey) and [number for number, _ in views] == [0, 1] and order == journey.keys()[0]
    if not journey.name.startswith("withdraws"):
        return not (any(journey.keys()) or journey.asked or order or journey.stored_names())
    return not (journey.keys()[1] or order) and [number for number, _ in views] == [0]


def has_one_key(journey: Journey) -> bool:
    [key, *others] = {*journey.keys(), *(key for _, key in journey.asked)}
    return not others and bool(KEY.fullmatch(key))


def described(journey: Journey) -> str:
    return f"{journey.name}: {journey.keys(), journey.asked, journey.orders, journey.stored_names(), journey.faults()}"


def test_every_order_of_loading(browser: Browser) -> None:
    """However the consent API's script and the plugin's load: the visitor's decision holds on every page."""
    every = journeys()
    walk(browser, every)
    unlawful = [one for one in every if not is_lawful(one)]
    assert not unlawful, f"{len(unlawful)} of {len(every)}: " + "\n".join(map(described, unlawful[:8]))


def nothing(journey: Journey) -> bool:
    return not (any(journey.keys()) or journey.orders != [""] or journey.stored_names())


def one_everywhere(journey: Journey) -> bool:
    return has_one_key(journey) and len(journey.views()) == 2 and journey.orders == journey.keys()[:1]


ACCOUNT = account_key("7")
LIST = "addEventListener('DOMContentLoaded', () => window.tweakwiseWebhooks.send({event: 'search', term: 'mug'}));"
SINGLE: list[tuple[Journey, Callable[[Journey], bool]]] = [
    (Journey("no consent is needed", mode="always", consent=""), one_everywhere),
    (Journey("an older key", stored="an.older=key"), lambda it: {*it.keys(), *it.orders} == {"an.older=key"}),
    (Journey("what cannot be a key", stored="a b@c"), one_everywhere),
    (Journey("cookies are refused", cookies="refused"), lambda it: nothing(it) and not it.asked),
    (Journey("staff", refusal="staff"), lambda it: nothing(it) and len(it.asked) == 2),
    (Journey("a robot", refusal="bot", api="late"), lambda it: nothing(it) and len(it.asked) == 2),
    (Journey("the shop knows of no consent", refusal="no_consent"), nothing),
    (Journey("an account", account="7"), lambda it: {*it.keys(), *it.orders} == {ACCOUNT}),
    (
        Journey("the page says so", mode="page", consent="", pages=(("yes",), ("order",), ("no", "list"))),
        lambda it: (
            [number for number, _ in it.views()] == [0, 1, 2]
            and len({*it.keys()[:2], *it.orders}) == 1
            and not it.keys()[2]
            and all(event["event"] == "pageview" for event, _ in it.asked)
        ),
    ),
    (
        Journey("the page agrees before the script", mode="page", consent="", calls="window.tweakwiseConsent = true;"),
        one_everywhere,
    ),
    (
        Journey("refuses Tweakwise alone", calls="window.wp_is_service_denied = (name) => name === 'Tweakwise';"),
        lambda it: nothing(it) and not it.asked,
    ),
    (
        Journey(
            "refuses in a folder what was agreed above",
            mode="page",
            stored="0f" * 16,
            settings={"cookiePath": "/product/"},
            pages=(("no",), ("order",)),
        ),
        nothing,
    ),
    (Journey("the page says nothing", mode="page", consent=""), nothing),
    (Journey("a wishlist", pages=(("list",),)), lambda it: [e["event"] for e, _ in it.asked][1:] == ["addtowishlist"]),
    (
        Journey("results before consent is known", api="late", pages=((),), calls=LIST),
        lambda it: [event["event"] for event, _ in it.asked] == ["pageview", "search"] and has_one_key(it),
    ),
]


def test_single_visits(browser: Browser) -> None:
    """Refused cookies, odd keys, accounts, staff, and the page's own banner."""
    walk(browser, [one for one, _ in SINGLE], tabs=1)
    unlawful = [one for one, is_right in SINGLE if not is_right(one) or one.faults()]
    assert not unlawful, "\n".join(map(described, unlawful))
