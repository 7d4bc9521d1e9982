"""From the first view to the purchase, in a real browser: pixel and app embed, receiver, worker and sandbox."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support import shopify_shop
from tests.support.browsers import chromium, device, needs_chromium
from tests.support.processes import LONGEST, migrate, wait_for
from tests.support.recordings import as_toml
from tests.support.service import Service
from tests.support.shopify_shop import PRODUCTS, Shop
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.translation.profile_key import derived_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = needs_chromium

REPORTED = "html[data-pixel=ready]"  # the pixel runs, and has the page's events
SECRET, SALT = "app-secret", "a-salt"
# The same view again would be no event, also from one test to the next.
CUSTOMER, NEIGHBOUR = "7622276412885", "7622276412886"
COOKIE = "tweakwise_profile_key"
MUG, COAT = PRODUCTS["mug"]["id"], PRODUCTS["coat"]["id"]
TABLE = {
    "platform": "shopify",
    "secrets": [SECRET],
    "instance_key": "fakeshop",
    "profile_salt": SALT,
    "require_consent": True,
    "repeat_within": 300,  # however slow the machine is
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Receiver, worker and sandbox, with a shop that requires consent."""
    folder = tmp_path_factory.mktemp("service")
    shops = folder / "shops.toml"
    plain = {name: value for name, value in TABLE.items() if name != "profile_salt"}
    shops.write_text(as_toml("acme", TABLE) + as_toml("plain", plain))
    with Service(folder, f"sqlite:///{folder}/inbox.db") as service:
        service.env["SHOPS_FILE"] = str(shops)
        migrate(service.env)
        service.start_all()
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests of the module."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def shop(service: Service) -> Iterator[Shop]:
    """The shop, before its first visitor."""
    requests.delete(f"{service.sandbox}/events", timeout=LONGEST).raise_for_status()
    webhook, proxy = f"{service.url}/webhooks/shopify/acme", f"{service.url}/storefront/shopify/acme"
    with shopify_shop.serving(webhook, proxy, SECRET) as shop:
        yield shop


@pytest.fixture
def plain_shop(shop: Shop, service: Service) -> Shop:
    """One without profile_salt, whose accounts have no key of their own; its pixel has reported a checkout before."""
    shop.webhook, shop.proxy = f"{service.url}/webhooks/shopify/plain", f"{service.url}/storefront/shopify/plain"
    report = {"order_id": "1", "checkout_token": "of-another-order", "profile_key": "0f" * 16}
    requests.get(f"{shop.url}/apps/tweakwise/checkout", report, timeout=LONGEST).raise_for_status()
    return shop


class Visitor:
    """A visitor with a browser."""

    def __init__(self, context: BrowserContext, shop: Shop, service: Service) -> None:
        self.page: Page = context.new_page()
        self.context, self.shop, self.service = context, shop, service

    def opens(self, path: str) -> None:
        self.page.goto(f"{self.shop.url}{path}")
        self.page.wait_for_selector(REPORTED)

    def says(self, answer: str) -> None:
        self.page.click(f"#{answer}")
        self.page.wait_for_selector("#banner", state="hidden")

    def searches(self, term: str) -> None:
        self.page.fill("input[name=q]", term)
        self.page.click("text=Search")
        self.page.wait_for_selector("h1:has-text('Results')")
        self.page.wait_for_selector(REPORTED)

    def logs_in(self, customer: str, to: str = "/") -> None:
        """Log in, and wait until the account's key is in use."""
        self.opens(f"/login?customer={customer}&to={to}")
        wait_for(lambda: self.shown() == derived_key(customer, SALT))

    def buys(self) -> None:
        self.page.click("text=Add to cart")
        self.page.click("text=Buy")
        self.page.wait_for_selector("text=on its way")

    def cookies(self) -> dict[str, str]:
        return {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}

    def key(self) -> str:
        """The key in use, which the page was handed as well."""
        wait_for(lambda: COOKIE in self.cookies() and self.shown() == self.cookies()[COOKIE])
        return self.cookies()[COOKIE]

    def shown(self) -> str:
        return self.page.text_content("#key") or ""

    def waits_for(self, *expected: str) -> None:
        """Wait until exactly that has arrived at Tweakwise, in this order."""
        wait_for(lambda: len(arrived(self.service)) >= len(expected))
        assert [event["event"] for event in arrived(self.service)] == list(expected)


def arrived(service: Service) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = requests.get(f"{service.sandbox}/events", timeout=LONGEST).json()["events"]
    return events


def profiles(service: Service) -> list[str]:
    return sorted({event["body"]["ProfileKey"] for event in arrived(service)})


def reasons(service: Service) -> list[str]:
    with closing(Inbox(service.env["DATABASE_URL"])) as inbox:
        return [row.reason or row.state for row in stored_deliveries.newest(inbox, 20)]


@pytest.fixture
def visitor(browser: Browser, shop: Shop, service: Service) -> Iterator[Visitor]:
    """A visitor of the shop."""
    with device(browser) as context:
        yield Visitor(context, shop, service)


@pytest.fixture
def other_device(browser: Browser, shop: Shop, service: Service) -> Iterator[Visitor]:
    """A visitor with another browser."""
    with device(browser) as context:
        yield Visitor(context, shop, service)


def test_from_the_first_view_to_the_purchase(visitor: Visitor, service: Service) -> None:
    """Two views, a search and an order are one profile's, in order; a page that is loaded again is one view."""
    visitor.opens("/products/mug")
    assert COOKIE not in visitor.cookies()
    visitor.says("yes")
    visitor.waits_for("pageview")
    visitor.page.reload()
    visitor.page.wait_for_selector(REPORTED)
    visitor.opens("/products/coat")
    visitor.waits_for("pageview", "pageview")
    visitor.searches("rode jas & thé")
    visitor.waits_for("pageview", "pageview", "search")
    visitor.opens("/products/coat")
    key = visitor.key()
    visitor.buys()
    visitor.waits_for("pageview", "pageview", "search", "purchase")
    assert re.fullmatch(r"[0-9a-f]{32}", key)
    assert [event["body"] for event in arrived(service)] == [
        {"ProductKey": MUG, "ProfileKey": key},
        {"ProductKey": COAT, "ProfileKey": key},
        {"SearchTerm": "rode jas & thé", "ProfileKey": key},
        {"ProductKeys": [COAT], "ProfileKey": key},
    ]


def test_an_order_without_a_cart_is_the_same_profile(visitor: Visitor, plain_shop: Shop, service: Service) -> None:
    """Agreed, a view, a log-in, a view, and "buy it now": the pixel reports the key, and the order waits for it."""
    visitor.opens("/products/mug")
    visitor.says("yes")
    visitor.waits_for("pageview")
    visitor.opens(f"/login?customer={CUSTOMER}&to=/products/coat")
    visitor.waits_for("pageview", "pageview")
    key = visitor.key()
    visitor.page.click("text=Order now")
    visitor.waits_for("pageview", "pageview", "purchase")
    assert profiles(service) == [key]
    assert not plain_shop.carts.get("cart")


def test_without_consent_nothing_is_known(visitor: Visitor, shop: Shop, service: Service) -> None:
    """A visitor who declines has no cookie, nothing in the cart and nothing at Tweakwise, logged in or not."""
    visitor.opens("/products/mug")
    visitor.says("no")
    visitor.searches("jas")
    visitor.opens(f"/login?customer={CUSTOMER}")
    visitor.opens("/products/coat")
    assert not shop.carts
    visitor.buys()
    # The order is the newest but one: the report of its checkout, which says so, comes after it.
    wait_for(lambda: reasons(service)[:2] == ["checkout_report", "no_consent"])
    assert arrived(service) == []
    assert [path for path, _ in shop.proxied] == ["checkout"]
    assert not [parameters for _, parameters in shop.proxied if "profile_key" in parameters]
    assert not [name for name in visitor.cookies() if name.startswith("tweakwise_")]


def test_logged_in_on_two_devices_is_one_profile(
    visitor: Visitor, other_device: Visitor, shop: Shop, service: Service
) -> None:
    """An account's key is the same everywhere, also in its order, and none is sent under a device's own."""
    for one, product in ((visitor, "mug"), (other_device, "coat")):
        one.opens("/")
        one.says("yes")
        one.logs_in(CUSTOMER)
        one.opens(f"/products/{product}")
        assert one.key() == derived_key(CUSTOMER, SALT)
    visitor.waits_for("pageview", "pageview")
    other_device.buys()
    visitor.waits_for("pageview", "pageview", "purchase")
    assert profiles(service) == [derived_key(CUSTOMER, SALT)]
    who = [(path, parameters["logged_in_customer_id"]) for path, parameters in shop.proxied]
    # Each device asks once; the sandbox's own requests carry no login, which is why the cookie holds the account's key.
    assert sorted(who) == [("pageview", ""), ("pageview", ""), ("profile", CUSTOMER), ("profile", CUSTOMER)]


def test_logged_out_the_device_has_its_own_key_back(visitor: Visitor, shop: Shop, service: Service) -> None:
    """What is seen before and after a login on a shared device is not the account's, also where the pixel is first."""
    shop.slow = 0.5
    visitor.opens("/products/mug")
    visitor.says("yes")
    own = visitor.key()
    visitor.waits_for("pageview")
    visitor.logs_in(NEIGHBOUR, to="/products/coat")
    visitor.waits_for("pageview", "pageview")
    visitor.opens("/logout?to=/search?q=jas")
    visitor.waits_for("pageview", "pageview", "search")
    assert visitor.key() == own
    account = derived_key(NEIGHBOUR, SALT)
    assert [event["body"]["ProfileKey"] for event in arrived(service)] == [own, account, own]


def test_consent_that_is_taken_back(visitor: Visitor, shop: Shop, service: Service) -> None:
    """Then every cookie goes, the cart forgets the key, and nothing more is reported."""
    visitor.opens("/products/mug")
    visitor.says("yes")
    visitor.waits_for("pageview")
    assert not shop.carts
    visitor.page.click("text=Add to cart")
    wait_for(lambda: [cart.attributes for cart in shop.carts.values()] == [{COOKIE: visitor.key()}])
    [cart] = shop.carts.values()
    visitor.page.evaluate("Shopify.customerPrivacy.setTrackingConsent({analytics: false})")
    wait_for(lambda: cart.attributes == {COOKIE: ""})
    visitor.opens("/products/coat")
    visitor.buys()
    wait_for(lambda: reasons(service)[:2] == ["checkout_report", "no_consent"])
    assert [event["event"] for event in arrived(service)] == ["pageview"]
    assert not [name for name in visitor.cookies() if name.startswith("tweakwise_")]


def test_shop_that_needs_no_consent(visitor: Visitor, shop: Shop) -> None:
    """Switched off in the theme editor, the app embed does not ask: the first page has the key, and so has the cart."""
    shop.settings["consent"] = False
    visitor.opens("/")
    key = visitor.key()
    visitor.opens("/products/mug")
    visitor.page.click("text=Add to cart")
    wait_for(lambda: [cart.attributes for cart in shop.carts.values()] == [{COOKIE: key}])
    assert visitor.key() == key


def test_three_tabs(visitor: Visitor, shop: Shop) -> None:
    """A decision in one tab holds in the others without a new page, and all have one key."""
    visitor.opens("/")
    tabs = [visitor, *(Visitor(visitor.context, shop, visitor.service) for _ in range(2))]
    for tab in tabs[1:]:
        tab.opens("/")
    tabs[1].says("yes")
    key = visitor.key()
    assert [tab.key() for tab in tabs] == [key] * 3
    tabs[2].page.evaluate("Shopify.customerPrivacy.setTrackingConsent({analytics: false})")
    wait_for(lambda: [tab.shown() for tab in tabs] == [""] * 3)
    assert not [name for name in visitor.cookies() if name.startswith("tweakwise_")]


def test_receiver_away_does_not_hurt_the_shop(visitor: Visitor, shop: Shop) -> None:
    """A page right after a login works, under the device's own key, and no error reaches it."""
    shop.proxy = "http://127.0.0.1:1/storefront/shopify/acme"
    failed: list[str] = []
    visitor.page.on("pageerror", lambda error: failed.append(str(error)))
    visitor.opens("/")
    visitor.says("yes")
    own = visitor.key()
    visitor.opens(f"/login?customer={CUSTOMER}")
    visitor.opens("/products/mug")
    assert visitor.key() == own
    assert failed == []
