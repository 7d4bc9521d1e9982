"""From the first view to the purchase, in a real browser: the plugin's script and PHP, the receiver and the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support.browsers import chromium, device, needs_chromium
from tests.support.processes import LONGEST, wait_for
from tests.support.service import Service
from tests.support.woocommerce_shop import SALT, SECRET, Shop, needs_php, open_shop, shop_of_the_receiver
from webhook_app.inbox import Inbox, migrate
from webhook_app.translation.profile_key import derived_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [needs_php, needs_chromium]

KEY_COOKIE = "tweakwise_profile_key"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Receiver, worker and sandbox."""
    folder = tmp_path_factory.mktemp("service")
    with Service(folder, f"sqlite:///{folder}/inbox.db") as service:
        service.env["SHOPS_FILE"] = str(shop_of_the_receiver(folder, extra_events="true"))
        inbox = Inbox(service.env["DATABASE_URL"], lease=60)
        migrate.upgrade(inbox.database)
        inbox.close()
        service.start_all()
        yield service


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A WooCommerce shop for all tests of the module."""
    with open_shop(tmp_path_factory.mktemp("woocommerce")) as shop:
        yield shop


@pytest.fixture
def shop(running: Shop, service: Service) -> Shop:
    """A shop with the order webhooks, behind a full-page cache that all visitors share."""
    url = f"{service.url}/webhooks/woocommerce/acme"
    running.forget()
    running.set(url=url, secret=SECRET, salt=SALT, consent="always", sessionstart="no", stand_in_consent_api=False)
    running.add_webhooks(url)
    requests.delete(f"{service.sandbox}/events", timeout=LONGEST)
    return running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests of the module."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor's browser, without cookies."""
    with device(browser) as context:
        yield context


def show(page: Page, shop: Shop, path: str) -> None:
    """Open a page, and wait until it has the visitor's key."""
    page.goto(f"{shop.url}{path}")
    page.wait_for_function("window.tweakwiseProfileKey")


def search(page: Page, term: str) -> None:
    """Type a term into the page's field, and press enter."""
    page.locator("input[type=search]").fill(term)
    page.locator("input[type=search]").press("Enter")
    page.wait_for_url("**/?s=*")


def click(page: Page, button: str) -> None:
    page.locator(f"#{button}").click()


def settle(page: Page) -> None:
    """Wait until the browser has nothing more to do."""
    page.wait_for_load_state("networkidle")


def key_of(context: BrowserContext) -> str | None:
    return next((cookie["value"] for cookie in context.cookies() if cookie["name"] == KEY_COOKIE), None)


def arrived(service: Service, count: int) -> list[dict[str, Any]]:
    """The events at Tweakwise, in order of arrival, once there are so many."""

    def events() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{service.sandbox}/events", timeout=LONGEST).json()["events"]
        return found

    wait_for(lambda: len(events()) >= count)
    return events()


def test_one_profile_from_view_to_purchase(shop: Shop, service: Service, context: BrowserContext) -> None:
    """Two views, a search and a purchase are one profile, in order."""
    page = context.new_page()
    show(page, shop, "/product/10")
    arrived(service, 1)
    show(page, shop, "/product/14")
    arrived(service, 2)
    search(page, "50% <b>caf\u00e9</b>")
    arrived(service, 3)
    click(page, "buy")
    events = arrived(service, 4)
    assert [event["event"] for event in events] == ["pageview", "pageview", "search", "purchase"]
    assert [event["body"].get("ProductKey") for event in events[:2]] == ["10", "14"]
    assert events[2]["body"]["SearchTerm"] == "50% <b>caf\u00e9</b>"
    assert events[3]["body"]["ProductKeys"] == ["10"]
    assert {event["body"]["ProfileKey"] for event in events} == {key_of(context)}


def test_a_shared_cache_keeps_visitors_apart(shop: Shop, service: Service, browser: Browser) -> None:
    """Two visitors get the same cached page, and are two profiles."""
    keys = []
    for count in (1, 2):
        with device(browser) as context:
            show(context.new_page(), shop, "/product/10")
            arrived(service, count)
            keys.append(key_of(context))
    assert [event["body"]["ProfileKey"] for event in arrived(service, 2)] == keys
    assert len(set(keys)) == 2


def test_two_devices_of_an_account_are_one_profile(shop: Shop, service: Service, browser: Browser) -> None:
    """Logged in, what is seen on one device and bought on another is of one profile."""
    with device(browser) as first, device(browser) as second:
        for context in (first, second):
            page = context.new_page()
            show(page, shop, "/")
            click(page, "login")
            page.wait_for_url("**/login")
        show(first.pages[0], shop, "/product/10")
        arrived(service, 1)
        show(second.pages[0], shop, "/product/14")
        arrived(service, 2)
        click(second.pages[0], "buy")
        events = arrived(service, 3)
        show(second.pages[0], shop, "/")
        key = second.pages[0].evaluate("window.tweakwiseProfileKey")
    assert [event["event"] for event in events] == ["pageview", "pageview", "purchase"]
    assert {event["body"]["ProfileKey"] for event in events} == {derived_key("7", SALT)} == {key}


def test_without_consent_there_is_nothing(shop: Shop, service: Service, context: BrowserContext) -> None:
    """No cookie, no request, no event and no key in the order, until the visitor says yes; and again after a no."""
    shop.set(consent="wp_consent_api", stand_in_consent_api=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{shop.url}/product/10")
    search(page, "mug")
    click(page, "buy")
    settle(page)
    assert not [url for url in asked if "wc-ajax" in url]
    assert key_of(context) is None

    page.goto(f"{shop.url}/product/14")
    click(page, "yes")
    [view] = arrived(service, 1)
    page.wait_for_function("window.tweakwiseProfileKey")
    assert (view["event"], view["body"]["ProductKey"]) == ("pageview", "14")
    assert view["body"]["ProfileKey"] == key_of(context) == page.evaluate("window.tweakwiseProfileKey")

    click(page, "no")
    assert key_of(context) is None
    assert not page.evaluate("window.tweakwiseProfileKey")
    page.goto(f"{shop.url}/product/10")
    click(page, "buy")
    settle(page)
    assert key_of(context) is None
    assert len(shop.read("orders")) == 2
    assert len(arrived(service, 1)) == 1


def test_the_pages_own_banner_decides(shop: Shop, service: Service, context: BrowserContext) -> None:
    """The page says yes by itself, which lasts; and no, which ends it."""
    shop.set(consent="page")
    page = context.new_page()
    page.goto(f"{shop.url}/product/10")
    settle(page)
    assert key_of(context) is None
    page.evaluate("window.tweakwiseWebhooks.consent( true )")
    arrived(service, 1)
    show(page, shop, "/product/14")
    assert len(arrived(service, 2)) == 2
    page.evaluate("window.tweakwiseWebhooks.consent( false )")
    assert key_of(context) is None
    assert page.evaluate("window.tweakwiseWebhooks.send( { event: 'search', term: 'mug' } )") is None


def test_the_page_gets_the_key(shop: Shop, context: BrowserContext) -> None:
    """The page is notified of a new key, and has it at once on the next page, without another request."""
    page = context.new_page()
    page.add_init_script("document.addEventListener( 'tweakwise:profile-key', e => window.received = e.detail.key )")
    show(page, shop, "/")
    assert page.evaluate("[ window.received, window.tweakwiseProfileKey ]") == [key_of(context)] * 2
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    show(page, shop, "/")
    settle(page)
    assert page.evaluate("[ window.received, window.tweakwiseProfileKey ]") == [key_of(context)] * 2
    assert not [url for url in asked if "wc-ajax" in url]


def test_a_search_without_a_new_page(shop: Shop, service: Service, context: BrowserContext) -> None:
    """A theme that shows results without a new page says so itself."""
    page = context.new_page()
    show(page, shop, "/")
    page.evaluate("window.tweakwiseWebhooks.send( { event: 'search', term: 'mug' } )")
    [event] = arrived(service, 1)
    assert event["body"] == {"SearchTerm": "mug", "ProfileKey": key_of(context)}


def test_a_visit_begins_with_its_first_page(shop: Shop, service: Service, context: BrowserContext) -> None:
    """When switched on, the first page begins the visit, and what follows has its key."""
    shop.set(sessionstart="yes")
    page = context.new_page()
    show(page, shop, "/")
    arrived(service, 1)
    show(page, shop, "/product/10")
    begun, view = arrived(service, 2)
    assert [begun["event"], view["event"]] == ["sessionstart", "pageview"]
    assert begun["body"]["SessionKey"] == view["body"]["SessionKey"]


def test_tabs_opened_at_once_have_one_key(shop: Shop, service: Service, context: BrowserContext) -> None:
    """Three tabs of a new visitor, and a page that follows at once, are one profile."""
    tabs = [context.new_page() for _ in range(3)]
    for tab, path in zip(tabs, ("/product/10", "/product/14", "/"), strict=True):
        tab.goto(f"{shop.url}{path}", wait_until="commit")
    tabs[0].wait_for_function("window.tweakwiseProfileKey")
    tabs[0].goto(f"{shop.url}/product/11")
    events = arrived(service, 3)
    assert {event["body"]["ProfileKey"] for event in events} == {key_of(context)}


def test_back_buttons_and_buttons_are_no_second_view(
    shop: Shop, service: Service, context: BrowserContext, browser: Browser
) -> None:
    """A page that answers its own button by POST, and one that the back button shows again, were reported before."""
    page = context.new_page()
    show(page, shop, "/product/10")
    arrived(service, 1)
    with page.expect_navigation():
        click(page, "add")
    search(page, "mug")
    arrived(service, 2)
    page.go_back()
    page.go_forward()
    show(page, shop, "/product/14")
    assert [event["event"] for event in arrived(service, 3)] == ["pageview", "search", "pageview"]


def test_a_headless_browser_is_a_robot(shop: Shop, browser: Browser) -> None:
    """Chromium that says that it has no window gets neither key nor event."""
    context = browser.new_context(user_agent="Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0")
    page = context.new_page()
    page.goto(f"{shop.url}/product/10")
    settle(page)
    assert key_of(context) is None
    assert not shop.events()
    context.close()


def test_the_buttons_of_the_settings(shop: Shop, context: BrowserContext) -> None:
    """The settings' buttons show what the receiver answered."""
    shop.set(stand_in_environment="local")  # where the receiver needs no HTTPS
    context.add_cookies([{"name": "logged_in", "value": "1", "url": shop.url}])
    page = context.new_page()
    page.goto(f"{shop.url}/wp-admin/admin.php?page=wc-settings&tab=tweakwise")
    for place, (button, shown) in enumerate(
        [("Send test event", "answered 200"), ("Create the", "order.updated is active")]
    ):
        page.get_by_role("button", name=button).click()
        answer = page.locator(".tweakwise-webhooks-answer").nth(place)
        answer.get_by_text(shown).wait_for()
        assert "notice-success" in (answer.get_attribute("class") or "")
