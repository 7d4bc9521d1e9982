"""The dashboard in Chromium: on a screen, on a phone, in dark mode, and without scripts."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.support import browsers, processes
from tests.support.demo_data import DemoData
from tests.support.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Locator, Page

pytestmark = browsers.needs_chromium

PASSWORD = "correct horse battery staple"
PAGES = (
    *("", "/deliveries", "/deliveries?state=odd", "/deliveries/2?shop=demo-shopify", "/issues", "/actions"),
    "/deliveries?order=987654321",
    *("/jobs/new?verb=discard&state=dead", "/accounting", "/shops/demo-shopify?range=7d", "/shops/demo-standard"),
)
ELSEWHERE: dict[str, Any] = {"timezone_id": "Europe/Amsterdam"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SCREEN: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
TABLET: dict[str, Any] = {"viewport": {"width": 800, "height": 1000}}
SHAPES = {"phone": PHONE, "tablet": TABLET, "screen": SCREEN}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Receiver, worker and a local Tweakwise, with a past."""
    folder = tmp_path_factory.mktemp("dashboard")
    data = DemoData(f"sqlite:///{folder / 'inbox.db'}", int(time.time() * 1000))
    data.fill(orders=45)
    data.inbox.close()
    with Service(folder, f"sqlite:///{folder / 'inbox.db'}", DASHBOARD_PASSWORD=PASSWORD) as service:
        service.start_all()
        yield service


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for all tests of the module."""
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """Errors of the browser: failing scripts, and everything that the policy refuses."""
    return []


@pytest.fixture
def page(chromium: Browser, service: Service, complaints: list[str]) -> Iterator[Page]:
    """A signed-in page on a screen."""
    context = chromium.new_context(**SCREEN, base_url=service.url)
    page = signed_in(context, complaints)
    yield page
    context.close()
    assert complaints == []


def signed_in(context: BrowserContext, complaints: list[str]) -> Page:
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/dashboard")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="All shops").wait_for()
    return page


def found(page: Page) -> list[str]:
    """The numbers of the deliveries that are shown, once the whole list is there."""
    page.wait_for_load_state()
    return page.locator("table.deliveries tbody th").all_inner_texts()


def follow(page: Page, control: Locator) -> None:
    """Click what leads to another page, and wait for all of it: a click alone waits until it begins."""
    with page.expect_navigation():
        control.click()


def choice(page: Page, name: str) -> Locator:
    return page.get_by_role("combobox", name=name, exact=True)


def test_the_login_refuses_and_opens(chromium: Browser, service: Service) -> None:
    """A wrong password gives an error, the right one leads to the page that was requested, and signing out works."""
    context = chromium.new_context(base_url=service.url)
    page = context.new_page()
    page.goto("/dashboard/accounting")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "The password is wrong."
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Accounting").wait_for()
    cookies = context.cookies()
    assert sorted(cookie["name"] for cookie in cookies) == ["tweakwise_dashboard", "tweakwise_dashboard_device"]
    assert {(cookie["httpOnly"], cookie["sameSite"], cookie["path"]) for cookie in cookies} == {
        (True, "Lax", "/dashboard")
    }
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Password").wait_for()
    page.goto("/dashboard/deliveries")
    assert page.get_by_label("Password").is_visible()
    context.close()


def test_a_form_without_its_token_changes_nothing(page: Page, complaints: list[str]) -> None:
    """A form of another page cannot know the token."""
    page.goto("/dashboard/deliveries?state=ignored")
    number = found(page)[0]
    page.goto(f"/dashboard/deliveries/{number}")
    page.evaluate("for (const token of document.getElementsByName('csrf')) token.value = 'guessed'")
    page.get_by_role("button", name="Replay").click()
    page.get_by_text("This form belongs to another session").wait_for()
    assert "403" in complaints.pop()
    page.goto(f"/dashboard/deliveries/{number}")
    assert "Replayed by session" not in page.locator(".timeline").inner_text()


def test_replay_is_followed_to_its_outcome(page: Page) -> None:
    """The page updates itself from queued to settled, and the replay is on the timeline."""
    page.goto("/dashboard/deliveries?state=ignored&shop=demo-woocommerce")
    follow(page, page.get_by_role("link", name=re.compile(r"^\d+$")).first)
    follow(page, page.get_by_role("button", name="Replay"))
    page.get_by_text("Queued again").wait_for()
    page.locator("h1").locator(".state.ignored, .state.delivered").wait_for()
    assert "Replayed by session" in page.locator(".timeline").inner_text()
    page.goto("/dashboard/actions")
    assert "Replayed" in page.locator("tbody tr").first.inner_text()


def test_filters_narrow_the_list(page: Page) -> None:
    """Filters are applied by the button, and stay selected."""
    page.goto("/dashboard/deliveries")
    all_of_them = found(page)
    assert len(all_of_them) == 50
    choice(page, "State").select_option("delivered")
    choice(page, "Shop").select_option("demo-shopify")
    follow(page, page.get_by_role("button", name="Filter"))
    states = page.locator("table.deliveries .state").all_inner_texts()
    assert states
    assert set(states) == {"delivered"}
    # Not the newest: the worker may have sent the order that waited, of which there is one delivery.
    order = page.locator("table.deliveries tbody tr").last.locator("td").nth(4).inner_text()
    page.get_by_label("Order id or number").fill(order)
    choice(page, "State").select_option("")
    follow(page, page.get_by_role("button", name="Filter"))
    assert len(found(page)) == 2
    assert page.get_by_label("Order id or number").input_value() == order


def test_pages_go_back_in_time(page: Page) -> None:
    """Older leads on, Newest leads back."""
    page.goto("/dashboard/deliveries")
    first = found(page)
    follow(page, page.get_by_role("link", name="Older"))
    second = found(page)
    assert int(second[0]) == int(first[-1]) - 1
    follow(page, page.get_by_role("link", name="Newest"))
    assert found(page)[1:] == first[1:] or int(found(page)[0]) >= int(first[0])


def test_profile_key_is_not_in_the_url(page: Page) -> None:
    page.goto("/dashboard/deliveries?state=delivered")
    # Not the newest: the worker may have sent the order that waited, of which there is one delivery.
    order = page.locator("table.deliveries tbody tr").last.locator("td").nth(4).inner_text()
    page.goto("/dashboard/deliveries")
    page.get_by_text("Search by profile key").click()
    page.get_by_role("textbox", name="Profile key").fill(f"profile-{order}")
    follow(page, page.locator(".by-key").get_by_role("button", name="Search"))
    assert len(found(page)) == 1
    assert "profile-" not in page.url


def test_sample_is_delivered(page: Page, service: Service) -> None:
    """The sample is posted to the receiver itself, the page follows its delivery, and the live list shows it."""
    tail = page.context.new_page()
    tail.goto("/dashboard/deliveries?live=1")
    newest = int(found(tail)[0])
    page.goto("/dashboard/shops/demo-woocommerce")
    page.get_by_role("button", name="Send a signed sample").click()
    page.get_by_text("The sample was received").wait_for()
    page.locator("h1 .state.delivered").wait_for()
    assert "Accepted by Tweakwise" in page.locator(".timeline").inner_text()
    assert any(key.startswith("sample-") for key in service.purchases())
    processes.wait_for(lambda: int(found(tail)[0]) > newest)


def test_personal_fields_are_revealed_on_request(page: Page) -> None:
    # One of the newest: retention wipes the bodies of the oldest.
    page.goto("/dashboard/deliveries?state=delivered")
    follow(page, page.get_by_role("link", name=re.compile(r"^\d+$")).first)
    assert "••••••" in page.get_by_label("Raw body").inner_text()
    follow(page, page.get_by_role("button", name="Reveal personal fields"))
    page.get_by_text("recorded as an audit event").wait_for()
    assert "••••••" not in page.get_by_label("Raw body").inner_text()
    page.goto("/dashboard/actions")
    assert "revealed" in page.locator("tbody tr").first.inner_text()


def test_the_csv_is_downloaded(page: Page) -> None:
    page.goto("/dashboard/accounting?set=all")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    assert download.value.suggested_filename.endswith("-all.csv")
    assert download.value.path().read_text().startswith("day,timezone,shop,platform,topic,state,reason,number")


def test_keyboard_navigation(page: Page) -> None:
    """The first tab stop skips the menu, and the focus is visible."""
    page.goto("/dashboard")
    page.keyboard.press("Tab")
    skip = page.get_by_text("Skip to the content")
    assert skip.evaluate("element => element === document.activeElement && element.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_everything_works_without_scripts(chromium: Browser, service: Service) -> None:
    """Forms and links need no script."""
    context = chromium.new_context(**SCREEN, base_url=service.url, java_script_enabled=False)
    page = signed_in(context, [])
    choice(page, "Figures of the last").select_option("30d")
    follow(page, page.get_by_role("button", name="Show"))
    assert "range=30d" in page.url
    page.get_by_label("Name", exact=True).fill("WOO")
    follow(page, page.get_by_role("button", name="Filter"))
    follow(page, page.get_by_role("link", name="Waiting", exact=True))
    assert page.locator("#shop-rows th").all_inner_texts() == ["demo-woocommerce"]
    assert "range=30d" in page.url
    page.goto("/dashboard/deliveries?state=ignored&reason=no_profile")
    follow(page, page.get_by_role("link", name=re.compile(r"^\d+$")).first)
    follow(page, page.get_by_role("button", name="Replay"))
    page.get_by_text("Queued again").wait_for()
    context.close()


@pytest.mark.parametrize(
    ("shape", "scheme"), [("phone", "dark"), ("tablet", "light"), ("screen", "light"), ("screen", "dark")]
)
def test_pages_are_accessible(
    chromium: Browser, service: Service, complaints: list[str], shape: str, scheme: Any
) -> None:
    """Axe finds nothing on any page, nor behind a link, and no page is wider than the screen."""
    context = chromium.new_context(**SHAPES[shape], **ELSEWHERE, color_scheme=scheme, base_url=service.url)
    page = context.new_page()
    page.goto("/dashboard/login")
    found = {"/login": faults(Axe(), page)}
    page = signed_in(context, complaints)
    for path in PAGES:
        page.goto(f"/dashboard{path}")
        found[path] = faults(Axe(), page)
        too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert too_wide <= 0, path
    page.goto("/dashboard/deliveries")
    assert page.locator("input[type=datetime-local]").first.evaluate("field => field.clientWidth") >= 195
    page.goto("/dashboard/shops/demo-shopify")
    follow(page, page.get_by_role("button", name="Make a link"))
    found["link"] = faults(Axe(), page)
    page.goto(page.locator("#link").inner_text())
    found["shared"] = faults(Axe(), page)
    context.close()
    assert {path: violations for path, violations in found.items() if violations} == {}
    assert complaints == []


def faults(axe: Any, page: Page) -> list[str]:
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in axe.run(page).response["violations"]]


def test_times_are_those_of_the_reader(chromium: Browser, service: Service) -> None:
    """With UTC beside them; a filter takes the reader's time, addresses have UTC. The key / leads to the search."""
    context = chromium.new_context(**SCREEN, **ELSEWHERE, base_url=service.url)
    page = signed_in(context, [])
    page.goto("/dashboard/deliveries")
    shown = page.locator("table.deliveries time").first
    utc = datetime.fromisoformat(shown.get_attribute("datetime") or "")
    local = utc.astimezone(ZoneInfo("Europe/Amsterdam"))
    assert shown.inner_text().split()[:2] == f"{local:%Y-%m-%d %H:%M:%S}".split()
    assert f"{utc:%H:%M:%S} UTC" in shown.inner_text()
    page.get_by_role("textbox", name="From").fill("2026-06-01T12:00")
    follow(page, page.get_by_role("button", name="Filter"))
    page.wait_for_url("**since=2026-06-01T10%3A00%3A00Z**")
    assert page.get_by_role("textbox", name="From").input_value() == "2026-06-01T12:00"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    context.close()


def test_all_of_a_filter_are_replayed_by_a_job(page: Page) -> None:
    """The count is confirmed, and the page follows the job to its end."""
    page.goto("/dashboard/deliveries?state=ignored&reason=no_profile")
    page.get_by_role("link", name="Replay all of these").click()
    page.get_by_role("button", name=re.compile(r"^Replay \d")).click()
    page.get_by_text("completed", exact=True).wait_for()
    page.goto("/dashboard/actions")
    assert "Job completed" in page.get_by_role("region", name="Actions").inner_text()


def test_dark_mode(chromium: Browser, service: Service) -> None:
    """The colour scheme of the browser is followed."""
    brightness = {}
    for scheme in ("light", "dark"):
        context = chromium.new_context(color_scheme=scheme, base_url=service.url)
        page = context.new_page()
        page.goto("/dashboard/login")
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness[scheme] = sum(map(int, re.findall(r"\d+", colour)[:3]))
        context.close()
    assert brightness["light"] > 600
    assert brightness["dark"] < 120
