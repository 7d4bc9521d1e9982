"""A shop that loads Shopify's scripts in any order and treats carts badly, for many journeys in one browser."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from werkzeug.wrappers import Request, Response

from tests.support.browsers import close_at
from tests.support.processes import LONGEST
from tests.support.shopify_shop import EMBED, HERE, STOREFRONT, default_settings, rendered
from tests.support.web_server import Quiet, serving_app

if TYPE_CHECKING:
    from collections.abc import Iterable

SCRIPTS = ("before", "deferred", "late", "never", "error")
ENDS = ("", "_before", "_session", "_locale")
MUG = {"productVariant": {"id": "1", "sku": None, "price": {"currencyCode": "EUR"}, "product": {"id": "80"}}}
STORED = (
    "_consent",
    *(f"tweakwise_{name}" for name in ("storefront", "pixel", *(f"profile_key{end}" for end in ENDS))),
)
SLOW = 0.03  # seconds that a slow script takes


@dataclass
class Cart:
    """How many articles are in a cart, and its attributes."""

    items: int = 0
    attributes: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"item_count": self.items, "attributes": self.attributes}


@dataclass
class Journey:
    """One visitor's way: `pages` are the steps on each page; `withdraw` is the page before which consent is withdrawn.

    `load` is how Shopify's script loads, `embed` how the app embed's does, `consent` what was decided before the first
    page. `refuses` are the answers to the first requests that write the cart, `loses` how many writes have no effect.
    `refuses_reports` are the answers to the first reports, `stored` is the key from an earlier visit, `calls` what the
    page's own script does. `accounts` is who is logged in, by page.
    """

    name: str
    load: str = "deferred"
    embed: str = "cached"
    consent: str = "yes"
    pages: tuple[tuple[str, ...], ...] = ((), ("add", "order"))
    forgetful: bool = False
    permission: str = "required"
    withdraw: int = -1
    root: str = "/"
    design: bool = False
    hangs: str = ""
    cookies: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    accounts: dict[int, str] = field(default_factory=dict)
    refuses: list[int] = field(default_factory=list)
    refuses_reports: list[int] = field(default_factory=list)
    loses: int = 0
    stored: str = ""
    calls: str = ""
    cart: Cart | None = None
    asked: list[str] = field(default_factory=list)
    reports: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, str]] = field(default_factory=list)

    def keys(self) -> list[str]:
        """The key of each page."""
        return [page["key"] for page in self.seen]

    def reported(self, action: str = "pageview") -> list[str]:
        return [parameters.get("profile_key", "") for name, parameters in self.reports if name == action]

    def faults(self) -> list[str]:
        return [fault for page in self.seen for fault in page["faults"]]

    def writes(self) -> int:
        return self.asked.count("update.js")

    def script(self) -> dict[str, Any]:
        """What the page has to know."""
        names = ("load", "forgetful", "permission", "root", "design", "hangs", "cookies")
        return {name: getattr(self, name) for name in names}


class HostileShop:
    """Serves journeys one after another to each tab, a host of its own; `done` is set when all were walked."""

    def __init__(self, journeys: Iterable[Journey]) -> None:
        self.waiting = deque(journeys)
        self.current: dict[str, Journey] = {}
        self.done = threading.Event()
        self.open, self.arrived = 0, 0
        self.files = {
            "/profile-key.js": (EMBED / "assets/profile-key.js").read_text(),
            "/hostile.js": f"window.PIXEL = {json.dumps((STOREFRONT / 'pixel.js').read_text())};\n"
            + (HERE / "hostile.js").read_text(),
            "/feature.js": "feature()",
        }

    def wait(self) -> None:
        """Wait until all journeys were walked, for as long as pages arrive."""
        while not self.done.wait(LONGEST):
            before, self.arrived = self.arrived, 0
            assert before, f"not walked: {[journey.name for journey in self.current.values()]}"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path in self.files:
            return self._script(request)
        if request.path == "/start":
            return self._start(request.host)
        journey = self.current[request.host]
        if request.path == "/page":
            return self._next(journey, request)
        if request.path.startswith("/apps/"):
            return self._report(journey, request)
        name = request.path.rpartition("/")[2]
        if request.method == "GET" and name.isdecimal():
            return self._page(journey, int(name))
        return _json(self._cart(journey, request, name))

    def _script(self, request: Request) -> Response:
        if request.args.get("slow"):
            threading.Event().wait(SLOW)
        headers = {"Cache-Control": "max-age=600"}
        return Response(self.files[request.path], mimetype="text/javascript", headers=headers)

    def _start(self, host: str) -> Response:
        """Begin the next journey, with a browser that knows nothing."""
        if not self.waiting:
            self.open -= 1
            if not self.open:
                self.done.set()
            return Response("done")
        journey = self.current[host] = self.waiting.popleft()
        response = Response("", 302, {"Location": f"{journey.root}pages/0"})
        for name in STORED:
            response.delete_cookie(name)
        if journey.stored:
            response.set_cookie("tweakwise_profile_key", journey.stored)
        if journey.consent:
            response.set_cookie("_consent", journey.consent)
        return response

    def _page(self, journey: Journey, number: int) -> Response:
        cart, account = journey.cart or Cart(), journey.accounts.get(number, "")
        settings = {**default_settings(), **journey.settings}
        data = {"journey": journey.script(), "steps": journey.pages[number], "event": ["product_viewed", MUG]}
        block = _as_served(rendered(settings, account, cart.attributes, cart.items), journey.embed)
        head = [
            "<!doctype html><link rel=icon href=data:,>",
            f"<script>JOURNEY={json.dumps(data)}</script><script src=/hostile.js></script>",
            "<script>feature()</script>" if journey.load in ("before", "error") else "",
            f"{block}<script>{journey.calls}</script>",
            '<script defer src="/feature.js"></script>' if journey.load == "deferred" else "",
        ]
        response = Response("".join([*head, "<body>"]), mimetype="text/html")
        if journey.withdraw == number:
            response.set_cookie("_consent", "no")
        return response

    def _next(self, journey: Journey, request: Request) -> Response:
        self.arrived += 1
        journey.seen.append(json.loads(request.get_data()))
        number = len(journey.seen)
        return _json({"next": f"{journey.root}pages/{number}" if number < len(journey.pages) else "/start"})

    def _report(self, journey: Journey, request: Request) -> Response:
        action = request.path.rpartition("/")[2]
        journey.reports.append(
            (action, {name: values[-1] for name, values in parse_qs(request.query_string.decode()).items()})
        )
        if action == "profile":
            return _json({"profile_key": account_key(journey.accounts[len(journey.seen)])})
        return _json(journey.refuses_reports.pop(0) if journey.refuses_reports else {"status": "stored"})

    def _cart(self, journey: Journey, request: Request, name: str) -> dict[str, Any] | int:
        journey.asked.append(name)
        if name == "order":
            journey.orders.append((journey.cart or Cart()).attributes)
            journey.cart = None
        elif name == "add.js":
            journey.cart = journey.cart or Cart()
            journey.cart.items += 1
        elif name == "replace.js" and journey.cart:
            journey.cart.attributes = {"gift": "yes"}
        elif name == "update.js":
            return self._update(journey, request)
        return (journey.cart or Cart()).as_json()

    def _update(self, journey: Journey, request: Request) -> dict[str, Any] | int:
        if journey.refuses:
            return journey.refuses.pop(0)
        journey.cart = journey.cart or Cart()
        if journey.loses:
            journey.loses -= 1
            return journey.cart.as_json()
        journey.cart.attributes |= json.loads(request.get_data())["attributes"]
        return journey.cart.as_json()


def account_key(account: str) -> str:
    """Return the key that the receiver derives from an account."""
    return account.rjust(64, "a")


def _as_served(block: str, embed: str) -> str:
    """Return the app embed's HTML as themes, optimisers and other apps leave it."""
    block = block.replace("/cdn/profile-key.js", "/profile-key.js?slow=1" if embed == "slow" else "/profile-key.js")
    if embed == "module":
        return block.replace("defer\n", 'type="module"\n')
    if embed == "twice":
        return block + block
    if embed == "between":
        return block.replace("></script>\n<script>", "></script>\n<meta name=x>\n<style></style>\n<script>")
    return block


def _json(value: Any) -> Response:
    if isinstance(value, int):
        return Response("{}", value, {"Retry-After": "2"}, mimetype="application/json")
    return Response(json.dumps(value), mimetype="application/json", headers={"Cache-Control": "no-store"})


def walk(browser: Any, journeys: list[Journey], tabs: int = 2) -> None:
    """Walk all journeys, in as many tabs at a time."""
    shop = HostileShop(journeys)
    shop.open = tabs
    with serving_app(shop, Quiet) as port:
        context = browser.new_context()
        for tab in range(tabs):
            context.new_page().goto(f"http://tab{tab}.localhost:{port}/start", wait_until="commit")
        shop.wait()
        close_at(context, "**/start")
