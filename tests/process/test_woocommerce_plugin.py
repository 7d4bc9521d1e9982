"""The WooCommerce plugin: its real PHP, over HTTP, with WordPress's functions stood in for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import processes
from tests.support.service import Service
from tests.support.woocommerce_shop import (
    PHP,
    PLUGIN,
    SALT,
    SECRET,
    STAND_IN,
    Shop,
    Visitor,
    needs_php,
    open_shop,
    shop_of_the_receiver,
)
from webhook_app.inbox import Inbox, migrate
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.translation.profile_key import derived_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from webhook_app.inbox import Row

pytestmark = needs_php

SOURCES = [*sorted(PLUGIN.rglob("*.php")), *sorted(STAND_IN.glob("*.php"))]
VERSION = "1.0.0"
NOWHERE = "http://127.0.0.1:9/webhooks/woocommerce/acme"
MANAGER = 1
KEY = re.compile(r"[0-9a-f]{32}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A WooCommerce shop for all tests of the module."""
    with open_shop(tmp_path_factory.mktemp("woocommerce")) as shop:
        yield shop


@pytest.fixture
def shop(running: Shop) -> Shop:
    """A shop without visits; no server listens at the receiver's address."""
    running.forget()
    (running.state / "options.json").unlink(missing_ok=True)
    running.set(url=NOWHERE, secret=SECRET, salt=SALT, consent="always")
    return running


@pytest.fixture
def visitor(shop: Shop) -> Visitor:
    """A visitor without cookies."""
    return Visitor(shop)


@pytest.fixture
def manager(shop: Shop) -> Visitor:
    """The shop's manager, logged in."""
    manager = Visitor(shop)
    manager.submit("/login", user=MANAGER)
    return manager


def press(manager: Visitor, button: str, **changed: str) -> dict[str, Any]:
    """Press a button of the settings, with the nonce that the page gave."""
    page = manager.open("/wp-admin/admin.php?page=wc-settings&tab=tweakwise").text
    nonce = json.loads(re.findall(r"tweakwiseWebhooksAdmin = (.*);</script>", page)[0])["nonce"]
    form = {"action": f"tweakwise_webhooks_{button}", "nonce": nonce, **changed}
    answer: dict[str, Any] = manager.submit("/wp-admin/admin-ajax.php", **form).json()
    return answer


def config(page: str) -> dict[str, Any]:
    """What a page hands to the script."""
    event: dict[str, Any] = json.loads(
        page.split("window.tweakwiseWebhooksConfig = ")[1].split(";</script>", maxsplit=1)[0]
    )
    return event


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_php_is_php(source: Path) -> None:
    """PHP can read every file."""
    done = subprocess.run([str(PHP), "-l", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_versions_agree() -> None:
    """WordPress reads the version in one place, translators and browsers in others."""
    header = (PLUGIN / "tweakwise-webhooks.php").read_text("utf-8")
    assert re.search(r"^ \* Author: +\S", header, re.MULTILINE)
    assert re.search(r"^Contributors: [a-z-]+$", (PLUGIN / "readme.txt").read_text("utf-8"), re.MULTILINE)
    places = {
        "tweakwise-webhooks.php": r"Version: +([0-9.]+)\n.*const VERSION += '([0-9.]+)'",
        "readme.txt": r"Stable tag: ([0-9.]+)\n.*== Changelog ==\n\n= ([0-9.]+) =",
        "languages/tweakwise-webhooks.pot": r"WooCommerce ([0-9.]+)\\n",
    }
    found = {
        file: re.findall(pattern, (PLUGIN / file).read_text("utf-8"), re.DOTALL) for file, pattern in places.items()
    }
    assert found == {
        "tweakwise-webhooks.php": [(VERSION,) * 2],
        "readme.txt": [(VERSION,) * 2],
        [*places][2]: [VERSION],
    }


def test_the_folder_is_a_whole_plugin() -> None:
    """What a merchant zips has its licence, and no folder that WordPress or a reviewer would not expect."""
    assert (PLUGIN / "LICENSE").read_bytes() == (PLUGIN.parents[2] / "LICENSE").read_bytes()
    assert {file.name for file in PLUGIN.iterdir()} == {
        *("assets", "includes", "languages"),
        *("LICENSE", "readme.txt", "tweakwise-webhooks.php", "uninstall.php"),
    }


# The endpoint.


def test_a_search_is_posted_signed(visitor: Visitor, shop: Shop) -> None:
    """What the browser says is signed as WooCommerce signs its webhooks, over the exact bytes."""
    assert visitor.ask(event="search", term=" 50% <b>caf\u00e9</b> ", locale="nl-NL").json()["status"] == "accepted"
    [sent] = shop.sent()
    digest = hmac.new(SECRET.encode(), sent["body"].encode(), hashlib.sha256).digest()
    assert sent["headers"]["X-WC-Webhook-Signature"] == base64.b64encode(digest).decode()
    assert sent["headers"]["X-WC-Webhook-Topic"] == "storefront.search"
    assert sent["headers"]["X-WC-Webhook-Source"] == f"{shop.url}/"
    assert (sent["url"], sent["blocking"], sent["redirection"]) == (NOWHERE, False, 0)
    assert sent["timeout"] <= 2
    event = json.loads(sent["body"])
    assert event["term"] == "50% <b>caf\u00e9</b>"
    assert (event["profile_key"], event["locale"], event["currency"]) == (visitor.key, "nl-NL", "EUR")
    assert event["user_agent"] == visitor.headers["User-Agent"]
    assert "customer_id" not in event


def test_two_events_alike_are_two(visitor: Visitor, shop: Shop) -> None:
    """The receiver takes the same bytes for the same event; so no two events have the same."""
    for _ in "ab":
        visitor.ask(event="pageview", product_id=10)
    bodies = [sent["body"] for sent in shop.sent()]
    assert len(set(bodies)) == len(bodies) == 2


@pytest.mark.parametrize(
    ("number", "fields"),
    [
        (10, {"product_id": "10", "sku": "MUG-BLUE"}),
        (11, {"product_id": "11"}),
        (16, {"product_id": "14", "variant_id": "16", "sku": "TSHIRT-M"}),
    ],
)
def test_a_view_says_what_the_shop_knows(visitor: Visitor, shop: Shop, number: int, fields: dict[str, str]) -> None:
    """The browser names the number; parent and SKU come from the shop."""
    visitor.ask(event="pageview", product_id=number, sku="made up")
    [(topic, event)] = shop.events()
    assert topic == "storefront.pageview"
    assert {name: event[name] for name in ("product_id", "variant_id", "sku") if name in event} == fields


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "purchase"},
        {"event": "addtocart", "product_id": 10},
        {"event": ["search"]},
        {"event": "search"},
        {"event": "search", "term": " \t "},
        {"event": "search", "term": "x" * 257},
        {"event": "search", "term": {"a": "b"}},
        {"event": "pageview", "product_id": "10; DROP"},
        {"event": "pageview", "product_id": 999},
        {"event": "pageview", "product_id": 18},
        {"event": "pageview", "product_id": -1},
    ],
    ids=str,
)
def test_nonsense_is_a_400(visitor: Visitor, shop: Shop, event: dict[str, Any]) -> None:
    """What cannot have happened is not sent, and gives no key."""
    answer = visitor.ask(**event)
    assert (answer.status_code, answer.json()["status"]) == (400, "refused")
    assert (shop.sent(), visitor.key) == ([], None)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 90_000, b'"text"', b"\xff\xfe", b"{}" + b" " * 9000])
def test_what_is_no_json_is_a_400(visitor: Visitor, body: bytes) -> None:
    """Whatever comes, the answer is the endpoint's own."""
    answer = visitor.post(
        f"{visitor.shop.url}/?wc-ajax=tweakwise_event", data=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (400, "body")


@pytest.mark.parametrize(
    ("headers", "code", "reason"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403, "elsewhere"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "elsewhere"),
        ({"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, 403, "elsewhere"),
        ({"Content-Type": "text/plain"}, 400, "body"),
        ({"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, 200, "bot"),
        ({"User-Agent": ""}, 200, "bot"),
        ({"Sec-Purpose": "prefetch;prerender"}, 200, "prefetch"),
        ({"X-Moz": "prefetch"}, 200, "prefetch"),
    ],
    ids=str,
)
def test_who_is_no_visitor_is_refused(
    visitor: Visitor, shop: Shop, headers: dict[str, str], code: int, reason: str
) -> None:
    """Other sites, robots and pages loaded ahead of time get neither an event nor a key."""
    answer = visitor.ask(headers, event="pageview", product_id=10)
    assert (answer.status_code, answer.json()["reason"]) == (code, reason)
    assert (shop.sent(), visitor.key) == ([], None)


def test_an_older_browser_is_accepted(visitor: Visitor, shop: Shop) -> None:
    """Browsers that do not send Sec-Fetch-Site send the origin of the page, which is the shop's own."""
    answer = visitor.ask({"Sec-Fetch-Site": "", "Origin": shop.url}, event="visit")
    assert answer.json()["status"] == "accepted"


def test_a_telephone_is_no_robot(visitor: Visitor) -> None:
    """A make of telephones ends in what robots end in."""
    answer = visitor.ask({"User-Agent": "Mozilla/5.0 (Linux; Android 13; CUBOT X70)"}, event="visit")
    assert answer.json()["status"] == "accepted"


def test_only_post(visitor: Visitor) -> None:
    """A cache may keep what comes by GET, so nothing does."""
    answer = visitor.open("/?wc-ajax=tweakwise_event")
    assert (answer.status_code, visitor.key) == (405, None)


def test_too_many_are_a_429(shop: Shop) -> None:
    """A visitor may send so much in a minute, and another visitor is not held up."""
    visitor = Visitor(shop)
    answers = (visitor.ask(event="visit") for _ in range(200))  # a new minute may begin in between
    number, refused = next((number, answer) for number, answer in enumerate(answers) if answer.status_code == 429)
    assert number >= 61  # the first had no key to be counted by
    assert refused.headers["Retry-After"] == "60"
    assert Visitor(shop).ask(event="visit").status_code == 200


COUNT = """
define( 'ABSPATH', '/' ); define( 'MINUTE_IN_SECONDS', 60 );
function wp_hash( $text ) { return hash_hmac( 'md5', $text, 'k' ); }
function wp_unslash( $value ) { return $value; }
function apply_filters( $name, $value ) { return $value; }
class Table {
    public $options = 'wp_options'; public $rows = array();
    function prepare( $query, ...$values ) { return $values; }
    function query( $values ) {
        list( $name, $first, , $minute ) = $values;
        $old = $this->rows[ $name ] ?? '';
        $count = 0 === strpos( $old, $minute ) ? (int) substr( $old, strlen( $minute ) ) : 0;
        $this->rows[ $name ] = $count ? $minute . ( $count + 1 ) : $first;
    }
    function get_var( $values ) { return $this->rows[ $values[0] ]; }
}
$wpdb = new Table();
eval( 'namespace Tweakwise_Webhooks; class Settings { const PREFIX = "t_"; }' );
require 'class-guard.php';
function accepted( $addresses ) {
    $GLOBALS['wpdb']->rows = array();
    $count = 0;
    foreach ( $addresses as $address ) {
        $_SERVER['REMOTE_ADDR'] = $address;
        $count += ! Tweakwise_Webhooks\\Guard::is_too_much( bin2hex( random_bytes( 16 ) ) );
    }
    return array( $count, count( $GLOBALS['wpdb']->rows ) );
}
$all = range( 1, 5000 );
while ( time() % 60 > 55 ) { sleep( 1 ); }
echo json_encode( array(
    accepted( array_fill( 0, 5000, '203.0.113.5' ) ),
    accepted( array_map( fn( $n ) => sprintf( '2001:db8:1:2::%x', $n ), $all ) ),
    accepted( array_map( fn( $n ) => 0 === $n % 2 ? '203.0.113.5' : '::ffff:203.0.113.5', $all ) ),
    accepted( array_map( fn( $n ) => sprintf( '2001:db8:%x::1', $n ), $all ) ),
) );
"""


def test_an_attack_fills_no_table() -> None:
    """One address, one IPv6 /64, or many: no more than the limit is taken, and no more rows than counters are made."""
    done = subprocess.run([str(PHP), "-r", COUNT], cwd=PLUGIN / "includes", capture_output=True, text=True, check=True)
    one, network, mapped, many = json.loads(done.stdout)
    assert [one[0], network[0], mapped[0]] == [600] * 3
    assert many[0] == 5000
    assert max(one[1], network[1], mapped[1], many[1]) <= 1024


def test_without_settings_nothing_is_sent(visitor: Visitor, shop: Shop) -> None:
    """A shop that has no secret yet has no script, no key and no event."""
    shop.set(secret="")
    assert visitor.ask(event="visit").json() == {"status": "refused", "reason": "off"}
    assert "tweakwise" not in visitor.open("/product/10").text
    assert visitor.key is None


def test_a_receiver_that_hangs_is_left_alone(visitor: Visitor, shop: Shop) -> None:
    """One that takes a request and does not answer holds up a process once, and gets nothing more for a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shop.set(url=f"http://127.0.0.1:{silent.getsockname()[1]}/webhooks/woocommerce/acme", sessionstart="yes")
        began = time.monotonic()
        visitor.ask(event="pageview", product_id=10)
        assert time.monotonic() - began < 4
        assert [topic for topic, _ in shop.events()] == ["storefront.sessionstart"]
        assert visitor.ask(event="pageview", product_id=10).json()["key"] == visitor.key
        assert len(shop.sent()) == 1


# The visitor's key.


def test_the_key_lasts(visitor: Visitor) -> None:
    """A guest's key is random, comes in a cookie for a year, in an answer that may not be cached, and stays."""
    answer = visitor.ask(event="visit")
    assert KEY.fullmatch(answer.json()["key"])
    assert answer.headers["Cache-Control"] == "no-store, private"
    cookie = answer.headers["Set-Cookie"]
    assert f"tweakwise_profile_key={visitor.key}" in cookie
    assert re.search(r"Max-Age=3153(6000|5999); path=/; SameSite=Lax", cookie)
    assert "HttpOnly" not in cookie
    assert visitor.ask(event="visit").json()["key"] == answer.json()["key"]
    assert visitor.shop.sent() == []


@pytest.mark.parametrize("value", ["a%20b", "guest%40example.test", "%3Cscript%3E", "x" * 129, ""])
def test_a_broken_key_is_replaced(visitor: Visitor, value: str) -> None:
    """What cannot be a key does not get into an event or an order."""
    visitor.cookies.set("tweakwise_profile_key", value)
    assert KEY.fullmatch(visitor.ask(event="visit").json()["key"])


def test_pages_are_the_same_for_every_visitor(shop: Shop) -> None:
    """A full-page cache may keep a page: it has no visitor's key."""
    for path in ("/", "/product/10", "/?s=mug&post_type=product"):
        first, second = Visitor(shop), Visitor(shop)
        key = first.ask(event="visit").json()["key"]
        made, kept = first.open(path), second.open(path)
        assert kept.headers["X-Cache"] == "hit"
        assert made.text == kept.text
        assert key not in kept.text
        assert "Set-Cookie" not in made.headers


def test_an_account_has_one_key(shop: Shop) -> None:
    """On two devices the same account has the key that the receiver derives from the order's customer id."""
    keys = set()
    for device in (Visitor(shop), Visitor(shop)):
        device.ask(event="visit")
        device.submit("/login", user=7)
        keys |= {device.key, device.ask(event="pageview", product_id=10).json()["key"]}
    assert keys == {derived_key("7", SALT)}
    assert {event["customer_id"] for _, event in shop.events()} == {"7"}


def test_who_was_logged_in_before_gets_the_accounts_key(visitor: Visitor) -> None:
    """A browser that was logged in before the plugin was there is set right by its first event."""
    visitor.cookies.set("logged_in", "7")
    visitor.cookies.set("tweakwise_profile_key", "an-older-key")
    assert visitor.ask(event="visit").json()["key"] == derived_key("7", SALT)


def test_logging_out_leaves_no_key(visitor: Visitor) -> None:
    """The next user of this browser is another visitor."""
    visitor.submit("/login", user=7)
    visitor.submit("/logout")
    assert visitor.key is None
    assert KEY.fullmatch(visitor.ask(event="visit").json()["key"])


def test_without_a_salt_the_key_is_the_browsers(visitor: Visitor, shop: Shop) -> None:
    """Where no key is derived, logging in and out changes nothing."""
    shop.set(salt="")
    key = visitor.ask(event="visit").json()["key"]
    visitor.submit("/login", user=7)
    assert visitor.ask(event="visit").json()["key"] == key
    visitor.submit("/logout")
    assert visitor.key == key


# Consent.


def test_without_consent_nothing_is_known(visitor: Visitor, shop: Shop) -> None:
    """The WP Consent API says no: no key, no event, no key in the order, also not of the account."""
    shop.set(consent="wp_consent_api", stand_in_consent_api=True, addtocart="yes")
    assert visitor.ask(event="pageview", product_id=10).json()["reason"] == "no_consent"
    visitor.submit("/login", user=7)
    visitor.open("/?add-to-cart=10")
    visitor.submit("/checkout", product=10)
    assert (visitor.key, shop.sent()) == (None, [])
    assert [order["meta_data"] for order in shop.read("orders").values()] == [{}]


def test_with_consent_all_is_as_usual(visitor: Visitor, shop: Shop) -> None:
    """The WP Consent API says yes."""
    shop.set(consent="wp_consent_api", category="statistics", stand_in_consent_api=True)
    visitor.cookies.set("wp_consent_statistics", "allow")
    assert visitor.ask(event="pageview", product_id=10).json()["status"] == "accepted"
    assert len(shop.sent()) == 1


def test_consent_that_was_withdrawn_counts(visitor: Visitor, shop: Shop) -> None:
    """A key that is still there is not enough once the WP Consent API says no."""
    shop.set(consent="wp_consent_api", stand_in_consent_api=True)
    visitor.cookies.set("tweakwise_profile_key", "an-older-key")
    visitor.cookies.set("wp_consent_marketing", "deny")
    visitor.submit("/checkout", product=10)
    assert [order["meta_data"] for order in shop.read("orders").values()] == [{}]


def test_a_service_that_was_refused_alone_counts(visitor: Visitor, shop: Shop) -> None:
    """A visitor who agreed to the category, but not to Tweakwise, is not followed."""
    shop.set(consent="wp_consent_api", stand_in_consent_api=True)
    visitor.cookies.set("wp_consent_marketing", "allow")
    visitor.cookies.set("wp_consent_consented_services", "%7B%22Tweakwise%22%3Afalse%7D")
    assert visitor.ask(event="pageview", product_id=10).json()["reason"] == "no_consent"


@pytest.mark.parametrize("mode", ["wp_consent_api", None])
def test_without_the_consent_api_nothing_is_sent(visitor: Visitor, shop: Shop, mode: str | None) -> None:
    """A shop that asks an API which is not there, also by default, sends nothing rather than everything."""
    shop.set(consent=mode)
    assert visitor.ask(event="pageview", product_id=10).json()["reason"] == "no_consent"


def test_the_pages_own_banner_is_remembered_by_the_key(visitor: Visitor, shop: Shop) -> None:
    """Where the page asks, an account's order carries a key only after the page got one."""
    shop.set(consent="page")
    visitor.submit("/login", user=7)
    visitor.submit("/checkout", product=10)
    visitor.ask(event="visit")
    visitor.submit("/checkout", product=10)
    meta = sorted(str(order["meta_data"]) for order in shop.read("orders").values())
    assert derived_key("7", SALT) in meta[0]
    assert meta[1] == "{}"


def test_the_consent_api_knows_the_cookies(visitor: Visitor, shop: Shop) -> None:
    """The list of cookies that visitors are shown has ours."""
    shop.set(stand_in_consent_api=True, sessionstart="no", wishlist="yes")
    visitor.open("/")
    assert set(shop.read("cookies")) == {"tweakwise_profile_key", "tweakwise_session"}


# Pages.


def test_a_product_page_says_its_view(visitor: Visitor) -> None:
    """The script gets the product."""
    settings = config(visitor.open("/product/14").text)
    assert settings["event"] == {"event": "pageview", "product_id": 14}
    assert (settings["endpoint"], settings["locale"], settings["consent"]) == (
        "/?wc-ajax=tweakwise_event",
        "nl-NL",
        "always",
    )


def test_results_say_their_search(visitor: Visitor) -> None:
    """The script gets the term as typed, and HTML in it stays text."""
    page = visitor.open("/?s=%22%3C/script%3E%3Cb%3E%27&post_type=product").text
    assert config(page)["event"] == {"event": "search", "term": "\"</script><b>'"}
    assert "<b>" not in page


OTHER_PAGES = (
    *("/", "/?s=news", "/?s=mug&post_type=product&paged=2", "/?s=mug&post_type=product&orderby=price"),
    "/?s=mug&post_type=product&filter_color=red",
)


@pytest.mark.parametrize("path", OTHER_PAGES)
def test_other_pages_say_nothing(visitor: Visitor, path: str) -> None:
    """Other pages, searches among posts, and results that are turned, sorted or filtered are no event."""
    assert config(visitor.open(path).text)["event"] is None


def test_a_button_on_a_page_is_no_second_view(visitor: Visitor) -> None:
    """Without AJAX a page answers its own button, by POST or with the button in its address."""
    assert config(visitor.submit("/product/10", **{"add-to-cart": 10}).text)["event"] is None
    for path in ("/product/10?add-to-cart=10&shown", "/?s=mug&post_type=product&add-to-cart=10&shown"):
        assert config(visitor.open(path).text)["event"] is None
    for button in ("add_to_wishlist=10", "removed_item=1", "added-to-cart=10"):
        assert config(visitor.open(f"/product/10?{button}").text)["event"] is None


@pytest.mark.parametrize("path", ["/feed", "/product/10?preview=true"])
def test_feeds_and_previews_have_no_script(visitor: Visitor, path: str) -> None:
    """A feed has no visitors, and a preview is not for visitors."""
    assert "tweakwise" not in visitor.open(path).text


# Staff and copies.


def test_staff_are_not_followed(manager: Visitor, shop: Shop) -> None:
    """Managers of the shop are followed only where the settings ask for it, also in the cart and in orders."""
    shop.set(addtocart="yes", consent="always")
    manager.cookies.set("tweakwise_profile_key", "an-older-key")
    assert manager.ask(event="pageview", product_id=10).json() == {"status": "refused", "reason": "staff"}
    manager.open("/?add-to-cart=10")
    manager.submit("/checkout", product=10)
    assert shop.events() == []
    assert [order["meta_data"] for order in shop.read("orders").values()] == [{}]
    shop.set(staff="yes")
    assert manager.ask(event="pageview", product_id=10).json()["status"] == "accepted"


COPIES = {
    "another address": {"stand_in_home": "https://staging.shop.example"},
    "a folder": {"stand_in_home": "https://www.shop.example/staging"},
    "another kind": {"stand_in_environment": "staging"},
}
NOT_COPIES = {
    "itself": {},
    "with www": {"stand_in_home": "https://www.SHOP.example/"},
    "with https": {"stand_in_home": "https://shop.example"},
    "on a command line": {"stand_in_home": "https://"},
}


def test_a_copy_of_the_shop_sends_nothing(manager: Visitor, shop: Shop, visitor: Visitor) -> None:
    """A copy has settings and webhooks of the shop: it stops by itself, with a notice, until a button is pressed."""
    home = "http://shop.example"
    shop.set(stand_in_home=home)
    shop.add_webhooks(NOWHERE)
    manager.open("/wp-admin/admin.php?page=wc-settings&tab=tweakwise")
    assert home[7:] not in json.dumps(shop.read("options")["tweakwise_webhooks_made_for"])  # copying tools replace it
    for of_copy, changed in ((True, COPIES), (False, NOT_COPIES)):
        for name, options in changed.items():
            shop.set(stand_in_home=home, stand_in_environment="production")
            shop.set(**options)
            answer = visitor.ask(event="pageview", product_id=10).json()
            assert (answer.get("reason") == "off") == of_copy, name
            before = len(shop.sent())
            visitor.submit("/checkout", product=10)
            assert (len(shop.sent()) == before) == of_copy, name
            page = manager.open("/wp-admin/admin.php?page=wc-settings&tab=tweakwise").text
            assert ("sends nothing" in page) == ("Send from this address" in page) == of_copy, name
            for cached in shop.state.glob("page-*"):
                cached.unlink()
            assert ("tweakwiseWebhooksConfig" in visitor.open("/product/10").text) != of_copy, name


def test_a_shop_that_moved_sends_again(manager: Visitor, shop: Shop, visitor: Visitor) -> None:
    """The button remembers the new address besides the earlier one, which the shop may still have."""
    shop.set(stand_in_home="https://shop.example")
    manager.open("/wp-admin/admin.php?page=wc-settings&tab=tweakwise")
    shop.set(stand_in_home="https://new.example")
    assert not press(manager, "make")["ok"]
    assert press(manager, "here")["ok"]
    assert visitor.ask(event="visit").json()["status"] == "accepted"
    assert "sends nothing" not in manager.open("/wp-admin/admin.php?page=wc-settings&tab=tweakwise").text
    for home, reason in (("https://shop.example", None), ("https://copy.example", "off")):
        shop.set(stand_in_home=home)
        assert visitor.ask(event="visit").json().get("reason") == reason


# Cart, wishlist and visit.


def test_the_cart_is_silent_by_default(visitor: Visitor, shop: Shop) -> None:
    """Only what is switched on is sent."""
    visitor.ask(event="visit")
    visitor.open("/?add-to-cart=10")
    assert shop.sent() == []


def test_what_goes_into_the_cart_is_sent(visitor: Visitor, shop: Shop) -> None:
    """The shop itself knows variation, quantity and price."""
    shop.set(addtocart="yes")
    visitor.ask(event="visit")
    visitor.open("/?add-to-cart=16&quantity=2")
    [(topic, event)] = shop.events()
    assert topic == "storefront.addtocart"
    assert (event["product_id"], event["variant_id"], event["quantity"], event["amount"]) == ("14", "16", 2, "32.98")
    assert event["profile_key"] == visitor.key


def test_parts_of_a_bundle_are_not_sent(visitor: Visitor, shop: Shop) -> None:
    """The bundle was added, not its parts."""
    shop.set(addtocart="yes")
    visitor.ask(event="visit")
    visitor.open("/?add-to-cart=16&bundled_by=item")
    assert shop.sent() == []


def test_a_robot_that_follows_cart_links_is_not_sent(visitor: Visitor, shop: Shop) -> None:
    """Robots follow links such as ?add-to-cart=10, and have no key."""
    shop.set(addtocart="yes")
    visitor.open("/?add-to-cart=10")
    assert shop.sent() == []


@pytest.mark.parametrize("plugin", ["yith_wcwl_added_to_wishlist", "woosw_add", "tinvwl_product_added"])
def test_what_goes_into_a_wishlist_is_sent(visitor: Visitor, shop: Shop, plugin: str) -> None:
    """The plugins for wishlists name product or variation; a visit's key, which the event needs, comes with it."""
    visitor.ask(event="visit")
    visitor.open(f"/?wishlist={plugin}&product=16")
    assert shop.events() == []
    shop.set(wishlist="yes")
    visitor.open(f"/?wishlist={plugin}&product=16")
    visitor.open(f"/?wishlist={plugin}&product=0" if plugin == "woosw_add" else "/")
    [(topic, event)] = shop.events()
    assert topic == "storefront.addtowishlist"
    assert (event["event"], event["product_id"], event["variant_id"]) == ("addtowishlist", "14", "16")
    assert event["session_key"] == visitor.cookies["tweakwise_session"]
    assert event["profile_key"] == visitor.key


def test_the_page_reports_a_wishlist(visitor: Visitor, shop: Shop) -> None:
    """A wishlist of a theme's own reports what goes into it by the script."""
    shop.set(wishlist="yes")
    assert visitor.ask(event="addtowishlist", product_id=10).json()["status"] == "accepted"
    [(topic, event)] = shop.events()
    assert (topic, event["event"], event["product_id"]) == ("storefront.addtowishlist", "addtowishlist", "10")


def test_a_visit_begins_once(visitor: Visitor, shop: Shop) -> None:
    """The first event of a visit is that it begins; all of it have its key."""
    shop.set(sessionstart="yes")
    visitor.ask(event="pageview", product_id=10)
    visitor.ask(event="search", term="mug")
    topics, events = zip(*shop.events(), strict=True)
    assert topics == ("storefront.sessionstart", "storefront.pageview", "storefront.search")
    assert len({one["session_key"] for one in events}) == 1
    assert [sent["blocking"] for sent in shop.sent()] == [True, False, False]  # a view does not overtake its visit


# The checkout.


@pytest.mark.parametrize("checkout", ["/checkout", "/block-checkout"])
def test_an_order_carries_the_key(visitor: Visitor, shop: Shop, checkout: str) -> None:
    """Classic and block checkout write the key of the visitor's views into the order, and it is saved."""
    key = visitor.ask(event="pageview", product_id=10).json()["key"]
    visitor.submit(checkout, product=10)
    [order] = shop.read("orders").values()
    assert [(meta["key"], meta["value"]) for meta in order["meta_data"].values()] == [("_tweakwise_profile_key", key)]


def test_an_account_made_at_the_checkout_keeps_the_views(visitor: Visitor, shop: Shop) -> None:
    """Who registers while buying has looked as a guest: the order carries that key, and later ones the account's."""
    key = visitor.ask(event="pageview", product_id=10).json()["key"]
    visitor.open("/?add-to-cart=10")
    visitor.submit("/checkout", product=10, register=8)
    [order] = shop.read("orders").values()
    assert order["meta_data"]["0"]["value"] == visitor.key == key
    assert visitor.ask(event="pageview", product_id=10).json()["key"] == derived_key("8", SALT)


def test_a_log_in_on_the_way_to_the_checkout_keeps_the_views(visitor: Visitor, shop: Shop) -> None:
    """A guest with a filled cart who logs in buys what they looked at: one key; the next view has the account's."""
    key = visitor.ask(event="pageview", product_id=10).json()["key"]
    visitor.open("/?add-to-cart=10")
    visitor.submit("/login", user=7)
    visitor.submit("/checkout", product=10)
    [order] = shop.read("orders").values()
    assert order["meta_data"]["0"]["value"] == key
    assert visitor.ask(event="pageview", product_id=10).json()["key"] == derived_key("7", SALT)


def test_an_earlier_accounts_key_is_not_the_next_ones(visitor: Visitor, shop: Shop) -> None:
    """An account whose log-in ran out does not share its key with the next one, at the checkout or elsewhere."""
    visitor.cookies.set("tweakwise_profile_key", derived_key("9", SALT))
    visitor.open("/?add-to-cart=10")
    visitor.submit("/login", user=7)
    visitor.submit("/checkout", product=10)
    [order] = shop.read("orders").values()
    assert order["meta_data"]["0"]["value"] == derived_key("7", SALT)


def test_a_mistake_does_not_break_the_checkout(visitor: Visitor, shop: Shop) -> None:
    """An order that cannot be written to is still placed, and the shop's log says why."""
    shop.set(stand_in_broken_order=True)
    visitor.ask(event="visit")
    assert visitor.submit("/checkout", product=10).status_code == 200
    assert len(shop.read("orders")) == 1
    assert list(shop.read("log").values()) == ["the order does not want it"]


def test_the_key_can_be_exported_and_erased(visitor: Visitor) -> None:
    """WordPress's privacy tools know the key that an order carries."""
    for what in ("export", "remove"):
        assert set(visitor.submit("/wp-admin/privacy", what=what).json()) == {"_tweakwise_profile_key"}


def test_an_erased_key_is_gone(visitor: Visitor) -> None:
    """WordPress writes "[deleted]" in place of what it erases, which is no key; others' values are left to it."""
    erased = [
        visitor.submit("/wp-admin/erase", meta=meta).json() for meta in ("_tweakwise_profile_key", "_billing_vat")
    ]
    assert erased == ["", "[deleted]"]


# The admin.


ADDRESSES = {
    "https://events.example.com/webhooks/woocommerce/acme": True,
    "https://example.com/events/webhooks/woocommerce/acme-nl_2/": True,
    "http://events.example.com/webhooks/woocommerce/acme": False,
    "https://events.example.com/webhooks/shopify/acme": False,
    "https://user:secret@events.example.com/webhooks/woocommerce/acme": False,
    "https://events.example.com/webhooks/woocommerce/acme?x=1": False,
    "javascript:alert(1)//webhooks/woocommerce/acme": False,
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_a_shop_at_a_receiver(manager: Visitor, shop: Shop, address: str) -> None:
    """Only HTTPS, without anything secret in it, and with the receiver's path."""
    errors = manager.submit("/wp-admin/options", tweakwise_webhooks_url=address).json()
    assert (errors == []) == ADDRESSES[address]
    assert (shop.read("options")["tweakwise_webhooks_url"] == address) == ADDRESSES[address]


def test_settings_are_checked(manager: Visitor, shop: Shop) -> None:
    """A wrong address, a secret that WooCommerce would change and a broken salt are refused with a sentence each."""
    names = ("url", "secret", "salt")
    before = shop.read("options")
    wrong = ("https://events.example.com/", "with <tags> & %20 signs", "a b")
    errors = manager.submit(
        "/wp-admin/options", **{f"tweakwise_webhooks_{name}": value for name, value in zip(names, wrong, strict=True)}
    ).json()
    assert len(errors) == 3
    assert all("It was not changed." in error for error in errors)
    assert shop.read("options").items() >= before.items()


@pytest.mark.parametrize("salt", ["a%20<b>\\'salt'&amp;", "one\\two\\\\three", '"&quot;&#39;<x>'])
def test_a_salt_is_saved_to_the_byte(manager: Visitor, shop: Shop, salt: str) -> None:
    """WooCommerce cleans what it saves and decodes what it shows; a salt must not lose a character by either."""
    assert manager.submit("/wp-admin/options", tweakwise_webhooks_salt=salt).json() == []
    for _ in range(2):
        assert shop.read("options")["tweakwise_webhooks_salt"] == salt
        shown = manager.submit("/wp-admin/options", as_shown=1).json()
        assert manager.submit("/wp-admin/options", **shown).status_code == 200


@pytest.mark.parametrize("button", ["test", "make"])
@pytest.mark.parametrize("who", ["customer", "stale page"])
def test_buttons_are_the_managers(shop: Shop, manager: Visitor, button: str, who: str) -> None:
    """A customer with a nonce of their own, and a manager with another's, press a button in vain."""
    if who == "customer":
        customer = Visitor(shop)
        customer.submit("/login", user=7)
        nonce = hmac.new(b"salt of the stand-in", b"tweakwise_webhooks of 7", "md5").hexdigest()
        form = {"action": f"tweakwise_webhooks_{button}", "nonce": nonce}
        answer = customer.submit("/wp-admin/admin-ajax.php", **form).json()
    else:
        answer = press(manager, button, nonce="0123456789")
    assert not answer["ok"]
    assert (shop.sent(), shop.read("webhooks")) == ([], {})


def test_an_unreachable_receiver_is_reported(manager: Visitor, shop: Shop) -> None:
    """The button shows why there is no answer."""
    shop.set(stand_in_environment="local")
    answer = press(manager, "test")
    assert not answer["ok"]
    assert "not reached" in answer["message"]


REFUSED = {
    "https://events.example.com:8443/webhooks/woocommerce/acme": "only to the ports 80, 443, 8080, never to port 8443",
    "https://nowhere.invalid/webhooks/woocommerce/acme": "host name nowhere.invalid is not known",
    "https://127.0.0.1/webhooks/woocommerce/acme": "no address of its own network, and 127.0.0.1 is one",
    "https://events.example.com/": "must look like",
}


def test_an_address_that_wordpress_refuses_is_reported(manager: Visitor, shop: Shop) -> None:
    """WordPress refuses addresses without a word; the button names the cause, of what is typed and not yet saved."""
    shop.set(stand_in_refuses=True)
    for url, cause in REFUSED.items():
        answer = press(manager, "test", url=url, secret=SECRET)
        assert not answer["ok"]
        assert cause in answer["message"]
    assert shop.sent() == []
    [error] = manager.submit("/wp-admin/options", tweakwise_webhooks_url=next(iter(REFUSED))).json()
    assert "never to port 8443" in error


def test_the_button_tests_what_is_typed(manager: Visitor, shop: Shop, receiver: Receiver) -> None:
    """Address and secret need not be saved for a test event; for the webhooks they do."""
    shop.set(stand_in_environment="local")
    typed = {"url": f"{receiver.url}/webhooks/woocommerce/acme", "secret": SECRET}
    assert press(manager, "test", **typed)["ok"]
    assert "secret must be" in press(manager, "test", **{**typed, "secret": "short"})["message"]
    assert "Enter" in press(manager, "test", url="", secret="")["message"]
    answer = press(manager, "make", **typed)
    assert not answer["ok"]
    assert "Save" in answer["message"]
    assert shop.read("webhooks") == {}


def test_an_answer_of_another_server_is_no_receivers(manager: Visitor, shop: Shop) -> None:
    """A page, and a redirect, are not what a receiver answers, whatever the status."""
    shop.set(stand_in_environment="local")
    for path, cause in (("/shop", "not as a receiver"), ("/moved", "a redirect")):
        answer = press(manager, "test", url=f"{shop.url}{path}/webhooks/woocommerce/acme", secret=SECRET)
        assert not answer["ok"]
        assert cause in answer["message"]


def test_uninstalling_cleans_up(manager: Visitor, shop: Shop) -> None:
    """Settings, counters and the webhooks that the plugin made are gone; the merchant's own stay."""
    own = {"id": 7, "topic": "order.created", "delivery_url": "https://elsewhere.example/", "status": "active"}
    (shop.state / "webhooks.json").write_text(json.dumps({"7": own}))
    press(manager, "make")
    Visitor(shop).ask(event="visit")
    assert len(shop.read("webhooks")) == 3
    assert shop.read("counters")
    assert manager.submit("/wp-admin/uninstall").text == "gone"
    assert shop.read("webhooks") == {"7": own}
    assert (shop.read("options"), shop.read("counters"), shop.read("transients")) == ({}, {}, {})


def test_every_sentence_can_be_translated() -> None:
    """languages/*.pot has every sentence of the plugin."""
    template = (PLUGIN / "languages/tweakwise-webhooks.pot").read_text(encoding="utf-8")
    known = "".join(re.findall(r'"(.*)"', template))
    for source in sorted(PLUGIN.rglob("*.php")):
        for text in re.findall(r"(?:__|_n)\( '((?:[^'\\]|\\.)*)', ", source.read_text(encoding="utf-8")):
            assert text.replace("\\'", "'").replace('"', '\\"') in known, text


# With the real receiver.


class Receiver(Service):
    """A receiver with the shop `acme`, and a look into its inbox."""

    def __init__(self, folder: Path) -> None:
        address = f"sqlite:///{folder}/inbox.db"
        super().__init__(folder, address)
        self.env["SHOPS_FILE"] = str(shop_of_the_receiver(folder))
        self.inbox = Inbox(address, lease=60)
        migrate.upgrade(self.inbox.database)

    def stored(self) -> list[Row]:
        """What is stored, oldest first."""
        return stored_deliveries.newest(self.inbox, 1000)[::-1]

    def stored_after(self, before: int, count: int) -> list[str]:
        """The topics that came after the first ones, once there are so many."""
        processes.wait_for(lambda: len(self.stored()) >= before + count)
        return [row.topic for row in self.stored()[before:]]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A receiver for all tests of the module."""
    with Receiver(tmp_path_factory.mktemp("receiver")) as service:
        service.start("web", ready=f"{service.url}/readyz")
        yield service
        service.inbox.close()


@pytest.fixture
def connected(shop: Shop, receiver: Receiver) -> Shop:
    """A shop whose plugin sends to the receiver, without HTTPS as in development."""
    shop.set(url=f"{receiver.url}/webhooks/woocommerce/acme", addtocart="yes", sessionstart="yes")
    shop.set(stand_in_environment="local")
    return shop


def test_the_receiver_stores_what_the_plugin_signs(
    connected: Shop, receiver: Receiver, visitor: Visitor, manager: Visitor
) -> None:
    """Views, searches, what went into the cart, the visit and WooCommerce's own order: all of it is verified."""
    before = len(receiver.stored())
    assert press(manager, "make")["ok"]
    visitor.ask(event="pageview", product_id=10)
    assert receiver.stored_after(before, 2) == ["storefront.sessionstart", "storefront.pageview"]
    visitor.ask(event="search", term="caf\u00e9")
    visitor.open("/?add-to-cart=16")
    visitor.submit("/block-checkout", product=10)
    others = ["order.created", "order.updated", "storefront.addtocart", "storefront.search"]
    assert sorted(receiver.stored_after(before + 2, 4)) == others
    assert not receiver.logged("web", "webhook_rejected")


def test_the_button_shows_that_all_is_well(connected: Shop, receiver: Receiver, manager: Visitor) -> None:
    """The receiver's own words stand on the page."""
    before = len(receiver.stored())
    answer = press(manager, "test")
    assert answer["ok"]
    assert re.fullmatch(r'The receiver answered 200: {"status": "stored", "id": \d+}', answer["message"])
    assert receiver.stored_after(before, 1) == ["storefront.test"]


@pytest.mark.parametrize(
    ("changed", "event"),
    [
        ({"secret": "anotherSecret0000000"}, "401: {.*signature_mismatch.*secret is not this webhook's secret"),
        ({"url": "/webhooks/woocommerce/unknown"}, "404: {.*unknown_shop"),
    ],
)
def test_the_button_shows_what_is_wrong(
    connected: Shop, receiver: Receiver, manager: Visitor, changed: dict[str, str], event: str
) -> None:
    """The receiver's hint distinguishes a wrong secret from a wrong address."""
    connected.set(**{name: value.replace("/webhooks", f"{receiver.url}/webhooks") for name, value in changed.items()})
    answer = press(manager, "test")
    assert not answer["ok"]
    assert re.search(event, answer["message"])


def test_the_order_webhooks_are_made_once(connected: Shop, receiver: Receiver, manager: Visitor) -> None:
    """Pressed twice there are two webhooks, active and with the secret."""
    url = f"{receiver.url}/webhooks/woocommerce/acme"
    for _ in range(2):
        assert press(manager, "make")["ok"]
        made = connected.read("webhooks").values()
        assert [webhook["topic"] for webhook in made] == ["order.created", "order.updated"]
        assert {(webhook["status"], webhook["secret"], webhook["user_id"]) for webhook in made} == {
            ("active", SECRET, MANAGER)
        }
        assert {webhook["delivery_url"] for webhook in made} == {url}


def test_webhooks_that_cannot_work_are_shown_and_repaired(
    connected: Shop, receiver: Receiver, manager: Visitor
) -> None:
    """The tab names what is wrong with each, and the button repairs all of them, also several of one address."""
    url = f"{receiver.url}/webhooks/woocommerce/acme"
    right: dict[str, Any] = {"topic": "order.created", "delivery_url": url, "secret": SECRET, "status": "active"}
    webhooks = [
        {**right, "status": "disabled", "failure_count": 7},
        {**right, "secret": "anotherSecret0000000"},
        {**right, "status": "paused", "user_id": 7},
        {**right, "delivery_url": "https://other.example/hook"},
        {**right, "topic": "order.updated", "delivery_url": "https://old.example/webhooks/woocommerce/acme"},
    ]
    numbered = {str(number): {"id": number, **webhook} for number, webhook in enumerate(webhooks, 1)}
    (connected.state / "webhooks.json").write_text(json.dumps(numbered))
    page = manager.open("/wp-admin/admin.php?page=wc-settings&tab=tweakwise").text
    for sentence in (
        "order.created (1): disabled, 7 failures in a row.",
        "order.created (2): has another secret.",
        "order.created (3): paused, its user may not read orders.",
        "order.updated (5): posts to another address, https://old.example/webhooks/woocommerce/acme.",
    ):
        assert sentence in page
    assert "(4)" not in page
    answer = press(manager, "make")
    assert answer["ok"]
    assert len(answer["states"]) == 4
    assert all(state.endswith(": active.") for state in answer["states"])
    assert connected.read("webhooks")["4"]["delivery_url"] == "https://other.example/hook"


def test_a_missing_webhook_is_shown(shop: Shop, manager: Visitor) -> None:
    """The tab shows that there is none."""
    shop.add_webhooks(NOWHERE)
    page = manager.open("/wp-admin/admin.php?page=wc-settings&tab=tweakwise").text
    assert "order.created (1): active." in page
    (shop.state / "webhooks.json").unlink()
    page = manager.open("/wp-admin/admin.php?page=wc-settings&tab=tweakwise").text
    assert "order.created: there is no webhook." in page
