"""What a shop's pages ask, passed on and signed by the platform: to keep an event, or which profile key to use."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from webhook_app.errors import BadSignatureError
from webhook_app.platforms.base import STOREFRONT
from webhook_app.translation import profile_key
from webhook_app.web.context import current
from webhook_app.web.responses import answer, bad_signature, method_not_allowed, too_many_requests, unknown_shop
from webhook_app.web.webhooks import store

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform, StorefrontProxy
    from webhook_app.signing.hmac_schemes import SignedQuery

blueprint = Blueprint("storefront", __name__)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PURPOSE = "A shop's pages report with GET, through their platform, which signs the query."
LONGEST_VISITOR = 128  # characters of a key that are remembered to count by


@dataclass(frozen=True, slots=True)
class Asked:
    """What the proxy of a shop's platform signed."""

    platform: Platform
    shop: Shop
    proxy: StorefrontProxy
    signed: SignedQuery


@blueprint.route(
    "/storefront/<platform>/<shop>/<action>", methods=METHODS, strict_slashes=False, provide_automatic_options=False
)
def event(platform: str, shop: str, action: str) -> Response:
    """Keep what a visitor did."""
    began = time.monotonic()
    asked = _asked(platform, shop)
    if isinstance(asked, Response):
        return asked
    topic = asked.platform.topic(STOREFRONT + action)
    if topic is None:
        return answer(404, error="unknown_event", hint="There is no such event.")
    envelope, body = asked.proxy.make_delivery(topic.name, asked.signed, request.headers.get("User-Agent", ""))
    # Without the number: how many events a shop has is not every visitor's business.
    return answer(200, status=store(asked.platform, asked.shop, envelope, body, began).status)


@blueprint.route(
    "/storefront/<platform>/<shop>/profile", methods=METHODS, strict_slashes=False, provide_automatic_options=False
)
def profile(platform: str, shop: str) -> Response:
    """Tell the page which profile key is its visitor's: the account's, else the one it has, else a new one."""
    asked = _asked(platform, shop)
    if isinstance(asked, Response):
        return asked
    parameters = asked.signed.parameters
    given, customer = parameters.get("profile_key", ""), parameters.get(asked.proxy.customer_parameter, "")
    if customer and asked.shop.profile_salt:
        return answer(200, profile_key=profile_key.derived_key(customer, asked.shop.profile_salt))
    return answer(200, profile_key=given if profile_key.is_usable(given) else secrets.token_hex(16))


def _asked(platform_name: str, shop_name: str) -> Asked | Response:
    """Return what was asked through the platform's proxy and within the allowance, or the answer to anything else."""
    found = current().find(platform_name, shop_name)
    if found is None or found[0].proxy is None:
        return unknown_shop()
    if request.method != "GET":
        return method_not_allowed("GET", PURPOSE)
    (platform, shop), proxy = found, found[0].proxy
    try:
        signed = proxy.verify(request.query_string, shop.secrets, time.time())
    except BadSignatureError as error:
        return bad_signature(shop, error)
    visitor = signed.parameters.get(proxy.customer_parameter) or signed.parameters.get("profile_key", "")
    if wait := current().rate_limiter.take(shop.name, visitor[:LONGEST_VISITOR]):
        return too_many_requests(shop, wait)
    return Asked(platform, shop, proxy, signed)


@blueprint.after_request
def keep_out_of_caches(response: Response) -> Response:
    """Let nobody keep an answer: it is one visitor's."""
    response.headers["Cache-Control"] = "no-store"
    return response
