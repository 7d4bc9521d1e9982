"""A small shop on a stand-in for Shopify: pages with the real app embed and pixel, carts, orders and the App Proxy."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import requests
from flask import Flask, Response, redirect, render_template_string, request

from tests.support.web_server import serving_app

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
STOREFRONT = Path(__file__).parents[3] / "storefront/shopify"
EMBED = STOREFRONT / "extensions/profile-key"
DOMAIN = "fake-shop.myshopify.com"
PRODUCTS: dict[str, dict[str, str]] = {
    "mug": {"id": "8011551572211", "variant": "44123456789011", "sku": "MUG-BLUE", "price": "19.95"},
    "coat": {"id": "8011551572212", "variant": "44123456789012", "sku": "COAT-RED", "price": "129.00"},
}


@dataclass
class Cart:
    """The products in a visitor's cart, and its attributes."""

    lines: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Shop:
    """The shop's state and where its app sends things; `settings` are the app embed's, of the theme editor.

    The app embed's script takes `slow` seconds to load, in which the pixel may come first.
    """

    webhook: str
    proxy: str
    secret: str
    settings: dict[str, Any]
    slow: float = 0.0
    carts: dict[str, Cart] = field(default_factory=dict)
    proxied: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def cart(self) -> tuple[str, Cart]:
        token = request.cookies.get("cart") or secrets.token_hex(8)
        return token, self.carts.setdefault(token, Cart())


def default_settings() -> dict[str, Any]:
    """What the theme editor starts with."""
    schema = (EMBED / "blocks/profile-key.liquid").read_text().split("{% schema %}")[1].split("{% endschema %}")[0]
    return {setting["id"]: setting["default"] for setting in json.loads(schema)["settings"]}


@contextmanager
def serving(webhook: str, proxy: str, secret: str, **settings: Any) -> Iterator[Shop]:
    """Serve the shop on a free port."""
    shop = Shop(webhook, proxy, secret, {**default_settings(), **settings})
    with serving_app(_app(shop)) as port:
        shop.url = f"http://127.0.0.1:{port}"
        yield shop


def _app(shop: Shop) -> Flask:
    app = Flask(__name__, static_folder=None)
    _add_pages(app, shop)
    _add_cart(app, shop)
    _add_platform(app, shop)
    return app


def _add_pages(app: Flask, shop: Shop) -> None:
    @app.get("/")
    def home() -> str:
        return _page(shop, "Fake shop", "<p>Welcome.</p>")

    @app.get("/products/<handle>")
    def product(handle: str) -> str:
        form = (
            f'<form method="post" action="/cart/add"><button name="id" value="{handle}">Add to cart</button></form>'
            f'<form method="post" action="/checkout"><button name="now" value="{handle}">Order now</button></form>'
        )
        return _page(shop, handle.title(), form, ("product_viewed", {"productVariant": _variant(handle)}))

    @app.get("/search")
    def search() -> str:
        query = request.args.get("q", "")
        found = {"query": query, "productVariants": []}
        return _page(shop, f"Results for {query}", "<p>Nothing.</p>", ("search_submitted", {"searchResult": found}))

    @app.get("/login")
    def login() -> Response:
        return _with_cookie(redirect(request.args.get("to", "/")), "_customer", request.args["customer"])

    @app.get("/logout")
    def logout() -> Response:
        response = redirect(request.args.get("to", "/"))
        response.delete_cookie("_customer")
        return _plain(response)


def _add_cart(app: Flask, shop: Shop) -> None:
    @app.post("/cart/add")
    def add() -> Response:
        token, cart = shop.cart()
        cart.lines.append(request.form["id"])
        return _with_cookie(redirect("/cart"), "cart", token)

    @app.get("/cart.js")
    def as_json() -> Response:
        cart = shop.carts.get(request.cookies.get("cart", ""), Cart())
        return _plain(app.json.response({"item_count": len(cart.lines), "attributes": cart.attributes}))

    @app.post("/cart/update.js")
    def update() -> Response:
        token, cart = shop.cart()
        cart.attributes |= request.get_json()["attributes"]
        return _with_cookie(
            app.json.response({"item_count": len(cart.lines), "attributes": cart.attributes}), "cart", token
        )

    @app.get("/cart")
    def show() -> str:
        lines = "".join(f"<li>{line}" for line in shop.cart()[1].lines)
        return _page(
            shop, "Cart", f'<ul>{lines}</ul><form method="post" action="/checkout"><button>Buy</button></form>'
        )

    @app.post("/checkout")
    def checkout() -> str:
        """Order what is in the cart, or one article "now", past the cart; there is no app embed in the checkout."""
        token, cart = shop.cart()
        if now := request.form.get("now"):
            cart = Cart([now])
        number, secret = time.time_ns() // 1000, secrets.token_hex(16)
        _post_order(shop, cart, request.cookies.get("_customer"), number, secret)
        if not now:
            del shop.carts[token]
        attributes = [{"key": name, "value": value} for name, value in cart.attributes.items()]
        completed = {"checkout": {"token": secret, "order": {"id": str(number)}, "attributes": attributes}}
        thanks = "<p>Your order is on its way.</p>"
        return _page(shop, "Thank you", thanks, ("checkout_completed", completed), has_embed=False)


def _add_platform(app: Flask, shop: Shop) -> None:
    @app.get("/cdn/<name>")
    def script(name: str) -> Response:
        if name == "load_feature.js":
            return Response("loadFeature()", mimetype="text/javascript")
        if name != "profile-key.js":
            return Response((HERE / name).read_text(), mimetype="text/javascript")
        time.sleep(shop.slow)
        return Response((EMBED / "assets" / name).read_text(), mimetype="text/javascript")

    @app.get("/web-pixels/sandbox")
    def sandbox() -> str:
        pixel = (STOREFRONT / "pixel.js").read_text()
        return f'<!doctype html><script src="/cdn/sandbox.js"></script><script>{pixel}</script>'

    @app.get("/apps/tweakwise/<path:path>")
    def pass_on(path: str) -> Response:
        query = _signed(shop, request.query_string.decode(), request.cookies.get("_customer", ""))
        shop.proxied.append((path, dict(parse_qsl(query, keep_blank_values=True))))
        # Cookies are stripped both ways.
        headers = {"User-Agent": request.headers["User-Agent"], "X-Forwarded-For": _address_of_visitor()}
        answer = requests.get(f"{shop.proxy}/{path}?{query}", headers=headers, timeout=10)
        headers = {name: answer.headers[name] for name in ("Content-Type", "Cache-Control") if name in answer.headers}
        return Response(answer.content, answer.status_code, headers)


def _page(
    shop: Shop, title: str, content: str, event: tuple[str, dict[str, Any]] | None = None, *, has_embed: bool = True
) -> str:
    cart = shop.carts.get(request.cookies.get("cart", ""), Cart())
    customer = request.cookies.get("_customer", "")
    message = json.dumps({"name": event[0], "data": event[1]}) if event else ""
    return render_template_string(
        (HERE / "layout.html").read_text(),
        title=title,
        content=content,
        event=message,
        count=len(cart.lines),
        customer=customer,
        app_embed=rendered(shop.settings, customer, cart.attributes, len(cart.lines)) if has_embed else "",
    )


def rendered(settings: dict[str, Any], customer: str, attributes: dict[str, str], items: int) -> str:
    """Render the app embed's Liquid: each of its expressions is known here, and no other."""
    text = (EMBED / "blocks/profile-key.liquid").read_text().split("{% schema %}")[0]
    text = re.sub(r"{%- comment -%}.*?{%- endcomment -%}\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"{% if customer %}(.*?){% endif %}", r"\1" if customer else "", text)
    values = {
        "'profile-key.js' | asset_url": "/cdn/profile-key.js",
        "block.settings.days": settings["days"],
        **{f"block.settings.{name}": json.dumps(settings[name]) for name in ("consent", "carts", "sessions")},
        "cart.item_count": items,
        "request.locale.iso_code": "nl",
        "customer.id | append: '' | sha256 | slice: 0, 12": hashlib.sha256(customer.encode()).hexdigest()[:12],
        "cart.attributes[block.settings.attribute] | escape": attributes.get(settings["attribute"], ""),
        **{f"block.settings.{name} | escape": settings[name] for name in ("path", "cookie", "attribute")},
    }
    return re.sub(r"{{ (.+?) }}", lambda found: escape(str(values[found[1]])), text)


def _variant(handle: str) -> dict[str, Any]:
    product = PRODUCTS[handle]
    return {
        "id": product["variant"],
        "sku": product["sku"],
        "title": None,
        "price": {"amount": float(product["price"]), "currencyCode": "EUR"},
        "product": {"id": product["id"], "title": handle, "url": f"/products/{handle}"},
    }


def _signed(shop: Shop, query: str, customer: str) -> str:
    """Sign as https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies says."""
    added = (
        f"shop={DOMAIN}&logged_in_customer_id={customer}&path_prefix=%2Fapps%2Ftweakwise&timestamp={int(time.time())}"
    )
    query = f"{query}&{added}" if query else added
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    message = "".join(sorted(f"{name}={','.join(several)}" for name, several in values.items()))
    return f"{query}&signature={hmac.new(shop.secret.encode(), message.encode(), hashlib.sha256).hexdigest()}"


def _post_order(shop: Shop, cart: Cart, customer: str | None, number: int, checkout_token: str) -> None:
    """Post orders/create, with the cart's attributes as note_attributes."""
    lines = [
        {
            "product_id": int(product["id"]),
            "variant_id": int(product["variant"]),
            "quantity": 1,
            "price": product["price"],
        }
        for product in (PRODUCTS[line] for line in cart.lines)
    ]
    order = {
        "id": number,
        "checkout_token": checkout_token,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "financial_status": "paid",
        "source_name": "web",
        "customer": {"id": int(customer)} if customer else None,
        "note_attributes": [{"name": name, "value": value} for name, value in cart.attributes.items()],
        "line_items": lines,
    }
    body = json.dumps(order).encode()
    digest = base64.b64encode(hmac.new(shop.secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Hmac-Sha256": digest,
        "X-Shopify-Shop-Domain": DOMAIN,
        "X-Shopify-Webhook-Id": f"order-{number}",
        "Content-Type": "application/json",
    }
    requests.post(shop.webhook, data=body, headers=headers, timeout=10).raise_for_status()


def _address_of_visitor() -> str:
    """Return another address for each visitor, as browsers at home have."""
    return f"192.0.2.{zlib.crc32(request.args.get('profile_key', '').encode()) % 250}"


def _with_cookie(response: Any, name: str, value: str) -> Response:
    # As Shopify's own: sent along with the shop's pages, not with what a frame without an origin asks.
    response.set_cookie(name, value, httponly=True, samesite="Lax")
    return _plain(response)


def _plain(response: Any) -> Response:
    assert isinstance(response, Response)
    return response
