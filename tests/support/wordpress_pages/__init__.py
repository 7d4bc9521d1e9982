"""Pages of a WordPress shop that load scripts in any order, for many journeys of visitors in one browser."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from tests.support.browsers import close_at
from tests.support.web_server import Quiet, serving_app
from tests.support.woocommerce_shop import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent
KEY_COOKIE = "tweakwise_profile_key"
CONSENT_COOKIE = "wp_consent_marketing"
ENDPOINT = "/?wc-ajax=tweakwise_event"
CONFIG = {
    "endpoint": ENDPOINT,
    "keyCookie": KEY_COOKIE,
    "keyLife": 31536000,
    "sessionCookie": "",
    "cookiePath": "/",
    "cookieDomain": "",
    "category": "marketing",
    "service": "Tweakwise",
    "locale": "nl-NL",
}
SLOW = 0.02  # seconds that a slow script takes
WAIT_FOR_ALL = 120  # seconds
API = {
    "before": "<script>consentApi()</script>",
    "deferred": "<script defer src=/api.js></script>",
    "slow": "<script async src='/api.js?slow=1'></script>",
}
OWN = {
    "deferred": "<script defer src=/storefront.js></script>",
    "in the head": "<script src=/storefront.js></script>",
    "slow": "<script async src='/storefront.js?slow=1'></script>",
    "module": "<script type=module src=/storefront.js></script>",
    "twice": "<script defer src=/storefront.js></script><script defer src='/storefront.js?again'></script>",
}


@dataclass
class Journey:
    """One visitor's way: `pages` are the steps on each page, a product's each.

    `api` is how the consent API's script loads (what is not in API: by the page, after it was loaded), `own` how the
    plugin's does, `consent` what was decided before the first page, `kind` the kind of consent. `elsewhere` is what is
    decided in another tab before a page. `refusal` is the shop's answer to all events, `account` who is logged in,
    `stored` the key from an earlier visit, `settings` what the shop sets otherwise.
    """

    name: str
    api: str = "before"
    own: str = "deferred"
    consent: str = "allow"
    kind: str = "optin"
    mode: str = "wp_consent_api"
    pages: tuple[tuple[str, ...], ...] = ((), ("order",))
    elsewhere: dict[int, str] = field(default_factory=dict)
    refusal: str = ""
    account: str = ""
    stored: str = ""
    cookies: str = ""
    calls: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

    def keys(self) -> list[str]:
        """The key of each page."""
        return [page["key"] for page in self.seen]

    def views(self) -> list[tuple[int, str]]:
        """The products that were reported, with the keys that came with the requests."""
        return [(event["product_id"], key) for event, key in self.asked if event["event"] == "pageview"]

    def stored_names(self) -> set[str]:
        """What the plugin had stored at the end of each page."""
        return {name for page in self.seen for name in page["cookies"] if name.startswith("tweakwise_")}

    def faults(self) -> list[str]:
        return [fault for page in self.seen for fault in page["faults"]]


class Pages:
    """Serves journeys one after another to each tab, a host of its own; `done` is set when all were walked."""

    def __init__(self, journeys: Iterable[Journey], tabs: int) -> None:
        self.waiting, self.open = deque(journeys), tabs
        self.current: dict[str, Journey] = {}
        self.done = threading.Event()
        self.files = {
            "/storefront.js": (PLUGIN / "assets/storefront.js").read_text(),
            "/page.js": (HERE / "page.js").read_text(),
            "/api.js": "consentApi()",
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path in self.files:
            return self._script(request)
        if request.path == "/start":
            return self._start(request.host)
        journey = self.current[request.host]
        if request.path == "/seen":
            journey.seen.append(json.loads(request.get_data()))
            return Response("next" if len(journey.seen) < len(journey.pages) else "/start")
        if request.path == "/order":
            journey.orders.append(request.cookies.get(KEY_COOKIE, ""))
            return Response("ordered")
        if request.method == "POST":
            return _asked(journey, request)
        number = request.path.rpartition("/")[2]
        return _page(journey, int(number)) if number.isdecimal() else Response(status=404)  # favicon.ico

    def _script(self, request: Request) -> Response:
        if request.args.get("slow"):
            threading.Event().wait(SLOW)
        cached = {"Cache-Control": "max-age=600"}
        return Response(self.files[request.path], mimetype="text/javascript", headers=cached)

    def _start(self, host: str) -> Response:
        """Begin the next journey, with a browser that knows nothing."""
        if not self.waiting:
            self.open -= 1
            if not self.open:
                self.done.set()
            return Response("done")
        journey = self.current[host] = self.waiting.popleft()
        response = Response("", 302, {"Location": "/product/0"})
        for name, value in ((KEY_COOKIE, journey.stored), (CONSENT_COOKIE, journey.consent)):
            response.delete_cookie(name)
            if value:
                response.set_cookie(name, value)
        return response


def account_key(account: str) -> str:
    """Return the key that the shop derives from an account."""
    return account.rjust(64, "a")


def _page(journey: Journey, number: int) -> Response:
    names = ("api", "kind", "cookies")
    data = {"steps": journey.pages[number], **{name: getattr(journey, name) for name in names}}
    event = {"event": "pageview", "product_id": number}
    config = CONFIG | {"consent": journey.mode, "event": event} | journey.settings
    head = [
        "<!doctype html><link rel=icon href=data:,>",
        f"<script>JOURNEY={json.dumps(data)};tweakwiseWebhooksConfig={json.dumps(config)};{journey.calls}</script>",
        "<script src=/page.js></script>",
        API["before"] if journey.api == "before" else "",
        OWN.get(journey.own, "<script>OWN='/storefront.js'</script>"),
        API.get(journey.api, "") if journey.api != "before" else "",
    ]
    body = f"<body class='{'logged-in' if journey.account else ''}'>"
    response = Response("".join([*head, body]), mimetype="text/html")
    if number in journey.elsewhere:
        response.set_cookie(CONSENT_COOKIE, journey.elsewhere[number])
    return response


def _asked(journey: Journey, request: Request) -> Response:
    key = request.cookies.get(KEY_COOKIE, "")
    journey.asked.append((json.loads(request.get_data()), key))
    if journey.refusal:
        return _json({"status": "refused", "reason": journey.refusal})
    key = account_key(journey.account) if journey.account else key
    response = _json({"status": "accepted", "key": key})
    response.set_cookie(KEY_COOKIE, key, max_age=31536000, samesite="Lax")
    return response


def _json(value: dict[str, Any]) -> Response:
    return Response(json.dumps(value), mimetype="application/json", headers={"Cache-Control": "no-store"})


def walk(browser: Any, journeys: list[Journey], tabs: int = 2) -> None:
    """Walk all journeys, in as many tabs at a time."""
    pages = Pages(journeys, tabs)
    with serving_app(pages, Quiet) as port:
        context = browser.new_context()
        for tab in range(tabs):
            context.new_page().goto(f"http://tab{tab}.localhost:{port}/start", wait_until="commit")
        assert pages.done.wait(WAIT_FOR_ALL), f"not walked: {[journey.name for journey in pages.current.values()]}"
        close_at(context, "**/start")
