"""The endpoints with which an app registers itself: the shop asks, gets a secret of its own, and confirms it."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from webhook_app import logs
from webhook_app.errors import RegistrationRefusedError, StoreUnavailableError
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.operations.audit_log import AuditAction, AuditEvent
from webhook_app.inbox.shop_records import registrations
from webhook_app.platforms import registration
from webhook_app.platforms.address import normal_form
from webhook_app.web.context import current, mark_verified
from webhook_app.web.request_headers import by_name
from webhook_app.web.responses import answer, method_not_allowed, refused, unknown_shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.sealing import Sealer
    from webhook_app.platforms.registration import Handshake, Registration, Request

    Verified = Callable[[Shop, Handshake, Sealer], Response]

blueprint = Blueprint("handshake", __name__)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
URL = "/handshake/<platform>/<shop>"
PURPOSE = "A shop calls this URL when the app is installed, with a query that the app's secret signs."
SECRET_BYTES = 48  # 64 characters: Shopware takes 64 to 255


@blueprint.route(URL, methods=METHODS, strict_slashes=False, provide_automatic_options=False)
def begin(platform: str, shop: str) -> Response:
    """Answer a request to register with a signature (Shopware calls it proof), a new secret and where to confirm it."""
    if request.method != "GET" and current().find(platform, shop):
        return method_not_allowed("GET", PURPOSE)
    return _handled(platform, shop, _begun)


@blueprint.route(f"{URL}/confirm", methods=METHODS, strict_slashes=False, provide_automatic_options=False)
def confirm(platform: str, shop: str) -> Response:
    """Take over the secret that a shop confirms, and its credentials for the API."""
    if request.method != "POST" and current().find(platform, shop):
        return method_not_allowed("POST", PURPOSE)
    return _handled(platform, shop, _confirmed)


def _handled(platform_name: str, shop_name: str, handle: Verified) -> Response:
    found = current().find(platform_name, shop_name)
    if found is None or (handshake := found[0].handshake) is None:
        return unknown_shop()
    shop, sealer = found[1], current().shop_secrets.sealer
    if shop.app_secret is None:
        hint = f"shops.{shop.name} has no app_secret: write the one of the app's manifest, or do not install the app."
        return refused(shop, 403, "app_secret_missing", hint)
    if sealer is None:
        hint = "The receiver has no SECRETS_KEY, with which it stores what a registration agrees: set one."
        return refused(shop, 503, "secrets_key_missing", hint)
    try:
        return handle(shop, handshake, sealer)
    except RegistrationRefusedError as error:
        if error.signed:
            detail = f"{shop.name} {error.reason}: {error.hint}"
            event = AuditEvent(AuditAction.REGISTRATION_REFUSED, audit_log.PLATFORM, detail=detail)
            audit_log.write_once(current().inbox, event)
        return refused(shop, error.status, error.reason, error.hint)


def _begun(shop: Shop, handshake: Handshake, sealer: Sealer) -> Response:
    query, headers, now = request.query_string, by_name(request.environ), time.time()
    asked = registration.request(query, headers, str(shop.app_secret), now)
    mark_verified()
    if not shop.accepts(asked.shop_url):
        hint = f"The request is from {normal_form(asked.shop_url)}, which `domain` of shops.{shop.name} does not allow."
        raise RegistrationRefusedError("other_shop", hint, status=403)
    if any(_has_answered(other, sealer, asked) for other in _sharing(shop)):
        hint = f"The request was made to another shop with the same app_secret: give shops.{shop.name} its own."
        raise RegistrationRefusedError("replayed", hint)
    new = secrets.token_urlsafe(SECRET_BYTES)
    stored = current().shop_secrets.change(
        shop, sealer, lambda known: registration.begun(known, asked, query, headers, new)
    )
    url = f"{current().public_url or request.host_url.rstrip('/')}/handshake/{shop.platform}/{shop.name}/confirm"
    signature = asked.answered(handshake.app_name, str(shop.app_secret))
    return answer(200, proof=signature, secret=stored.pending, confirmation_url=url)


def _sharing(shop: Shop) -> list[Shop]:
    """Return the other shops with the same app secret: its signature does not cover which of them is asked."""
    return [one for one in current().shops.values() if one.app_secret == shop.app_secret and one.name != shop.name]


def _has_answered(shop: Shop, sealer: Sealer, asked: Request) -> bool:
    try:
        known = registrations.find(current().inbox, sealer, shop.name)
    except StoreUnavailableError:
        return False  # it cannot be decrypted, and is of no use any more
    return asked.shop_id in {known.shop_id, known.pending_id} and known.has_answered(asked)


def _confirmed(shop: Shop, _handshake: Handshake, sealer: Sealer) -> Response:
    body, headers, now = current().body_reader.read(), by_name(request.environ), time.time()

    def decide(known: Registration) -> Registration:
        return registration.confirmed(known, body, headers, now)

    stored = current().shop_secrets.change(shop, sealer, decide)
    mark_verified()
    logs.logger().info("app_registered", shop=shop.name, platform=shop.platform, address=normal_form(stored.shop_url))
    return Response(status=204)


@blueprint.after_request
def forbid_caching(response: Response) -> Response:
    """Forbid caching: an answer has a secret."""
    response.headers["Cache-Control"] = "no-store"
    return response
