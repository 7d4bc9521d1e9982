"""Endpoints for a shop's pages, called through the platform's signing proxy: store an event, return a profile key."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from marshmallow import ValidationError

from schemas.event_types import EVENT_TYPES, PROFILE_KEY
from schemas.events import Browsing, CheckoutReport, Ignored, Reason
from webhook_app.errors import BadSignatureError
from webhook_app.platforms.base import CHECKOUT_REPORTS, STOREFRONT
from webhook_app.translation import checkout_reports, profile_key
from webhook_app.web import client_address
from webhook_app.web.context import current, mark_verified
from webhook_app.web.responses import (
    answer,
    bad_signature,
    method_not_allowed,
    never_sendable,
    too_many_requests,
    unknown_shop,
)
from webhook_app.web.webhooks import store

if TYPE_CHECKING:
    from schemas.base import PlatformSchema
    from schemas.events import Translation
    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform, StorefrontProxy
    from webhook_app.signing.hmac_schemes import SignedQuery

blueprint = Blueprint("storefront", __name__)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Where a platform's admin leads after installing the app: https://shopify.dev/docs/apps/build/cli-for-apps/app-configuration
INSTALLED = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tweakwise events: installed</title>
<h1>The app is installed</h1>
<p>It has no settings here. What is left to do is in the shop's admin:</p>
<ol>
<li>Online Store &gt; Themes &gt; Customize &gt; App embeds: switch on Tweakwise profile key, and save.</li>
<li>Settings &gt; Customer events &gt; Add custom pixel: paste <code>pixel.js</code>, save, and connect it.</li>
</ol>
<p>Orders arrive by themselves from now on.</p>
"""
PURPOSE = "A shop's pages call this URL with GET through their platform, which signs the query."


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A verified request of a shop's page, signed by the platform's proxy."""

    platform: Platform
    shop: Shop
    proxy: StorefrontProxy
    signed: SignedQuery


@blueprint.route(
    "/storefront/<platform>/<shop>/<action>", methods=METHODS, strict_slashes=False, provide_automatic_options=False
)
def event(platform: str, shop: str, action: str) -> Response:
    """Store a visitor's event, if it can ever be sent."""
    began = time.monotonic()
    verified = _verified(platform, shop)
    if isinstance(verified, Response):
        return verified
    name, schema = _topic(verified, STOREFRONT + action)
    if schema is None:
        return answer(404, error="unknown_event", hint="There is no such event.")
    sent = _read(verified, schema)
    key = _sendable_key(sent, verified.shop)
    if isinstance(key, Ignored):
        return never_sendable(verified.shop, key)
    if wait := _event_wait(verified, key):
        return too_many_requests(verified.shop, wait)
    envelope, body = verified.proxy.make_delivery(name, verified.signed, request.headers.get("User-Agent", ""))
    if isinstance(sent, CheckoutReport):
        envelope = replace(envelope, identity=checkout_reports.identity(sent.order_id, sent.token))
    # Without the delivery's number: visitors must not learn how many events a shop has.
    return answer(200, status=store(verified.platform, verified.shop, envelope, body, began).status)


@blueprint.route(
    "/storefront/<platform>/<shop>", methods=METHODS, strict_slashes=False, provide_automatic_options=False
)
def installed(platform: str, shop: str) -> Response:
    """Show what is left to do after the app was installed; the same to everyone."""
    found = current().find(platform, shop)
    if found is None or found[0].proxy is None:
        return unknown_shop()
    if request.method != "GET":
        return method_not_allowed("GET", "This is the app's page for people.")
    headers = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    return Response(INSTALLED, mimetype="text/html", headers=headers)


@blueprint.route(
    "/storefront/<platform>/<shop>/profile", methods=METHODS, strict_slashes=False, provide_automatic_options=False
)
def profile(platform: str, shop: str) -> Response:
    """Return the visitor's profile key: derived from the account, else the one the page has, else a new one."""
    verified = _verified(platform, shop)
    if isinstance(verified, Response):
        return verified
    parameters = verified.signed.parameters
    given, customer = parameters.get("profile_key", ""), parameters.get(verified.proxy.customer_parameter, "")
    derived = bool(customer and verified.shop.profile_salt)
    known = customer if derived else given if profile_key.is_usable(given) else ""
    if wait := _wait(verified, known, never_new=derived):
        return too_many_requests(verified.shop, wait)
    if derived:
        return answer(200, profile_key=profile_key.derived_key(customer, verified.shop.profile_salt or ""))
    return answer(200, profile_key=known or secrets.token_hex(16))


def _topic(verified: SignedRequest, name: str) -> tuple[str, PlatformSchema | None]:
    """Return a topic's own name and its schema, None where there is no such topic."""
    if name == CHECKOUT_REPORTS:
        return name, verified.proxy.checkout_reports
    topic = verified.platform.topic(name)
    return (topic.name, topic.schema) if topic else (name, None)


def _read(verified: SignedRequest, schema: PlatformSchema) -> Translation:
    """Return the event of a request, or why there is none."""
    try:
        return schema.translate(verified.signed.parameters)
    except ValidationError as error:
        names = ", ".join(sorted(map(str, error.messages_dict)))
        return Ignored(Reason.UNREADABLE, f"These parameters are missing or invalid: {names}.")


def _sendable_key(event: Translation, shop: Shop) -> str | Ignored | None:
    """Return the profile key with which an event is sent (None: without), or why it never can be.

    Any visitor could fill the inbox with such.
    """
    if isinstance(event, Ignored):
        return event
    if isinstance(event, CheckoutReport):
        return None if event.profile_key is None else profile_key.choose_for_report(event.profile_key, shop)
    if isinstance(event, Browsing):
        chosen = profile_key.choose_for_event(event, shop)
        return chosen if isinstance(chosen, Ignored) or PROFILE_KEY in EVENT_TYPES[event.type].values else None
    return Ignored(Reason.UNREADABLE, "This is no event of a visitor.")


def _event_wait(verified: SignedRequest, key: str | None) -> int:
    """Count an event; one that is sent without profile key counts for its address and its shop alone."""
    is_given = key == verified.signed.parameters.get("profile_key", "").strip()
    return _wait(verified, key or "", never_new=not is_given)


def _wait(verified: SignedRequest, visitor: str, *, never_new: bool) -> int:
    """Count a visitor's request; returns the seconds until the next one is allowed, 0 where this one is."""
    forwarded_for = request.headers.get("X-Forwarded-For", "")
    address = client_address.of_visitor(forwarded_for, current().trusted_proxies, request.remote_addr or "")
    return current().rate_limiter.take(verified.shop.name, visitor, address, never_new=never_new)


def _verified(platform_name: str, shop_name: str) -> SignedRequest | Response:
    """Return the request if it is signed, else the response that refuses it."""
    found = current().find(platform_name, shop_name)
    if found is None or found[0].proxy is None:
        return unknown_shop()
    if request.method != "GET":
        return method_not_allowed("GET", PURPOSE)
    (platform, shop), proxy = found, found[0].proxy
    try:
        signed = proxy.verify(request.query_string, shop.secrets, time.time())
        _check_address(shop, signed.parameters[proxy.shop_parameter])
    except BadSignatureError as error:
        return bad_signature(shop, error)
    mark_verified()
    return SignedRequest(platform, shop, proxy, signed)


def _check_address(shop: Shop, address: str) -> None:
    """Refuse what another shop of the same app has signed. Raises BadSignatureError."""
    if not shop.accepts(address):
        hint = "The query was signed for another shop: correct the app proxy's address there, or `domain` of this shop."
        raise BadSignatureError("other_shop", hint)


@blueprint.after_request
def forbid_caching(response: Response) -> Response:
    """Forbid caching: every response is one visitor's."""
    response.headers["Cache-Control"] = "no-store"
    return response
