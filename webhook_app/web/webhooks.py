"""The webhook endpoints: prove, keep, answer. Touches bytes, never meaning."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from webhook_app import logs
from webhook_app.errors import BadSignature, StoreUnavailable
from webhook_app.inbox import NewDelivery
from webhook_app.inbox.migrate import is_current
from webhook_app.observability import metrics, tracing
from webhook_app.observability.metrics_page import MetricsPage
from webhook_app.web.activity import ActivityRecorder
from webhook_app.web.rate_limit import RateLimiter
from webhook_app.web.request_body import BodyReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox, StoreResult
    from webhook_app.inbox.spool import Spool
    from webhook_app.platforms.base import Envelope, Platform

blueprint = Blueprint("receiver", __name__)

STORING = ("receiver.receive", "storefront.event")  # the endpoints whose refusals are counted by shop

RETRY_AFTER = "30"  # seconds; Shopify decides for itself, others listen
PURPOSE = "This is a webhook URL: a shop's platform posts signed events to it. There is nothing to see with GET."


class Receiver:
    """What the endpoints need, held by the app as `extensions["receiver"]`."""

    def __init__(
        self,
        inbox: Inbox,
        shops: Mapping[str, Shop],
        platforms: Mapping[str, Platform],
        config: Settings,
        spool: Spool | None = None,
    ) -> None:
        """All of it is shared by the threads of the process."""
        self.rate_limiter = RateLimiter(config.visitor_rate, config.shop_rate)
        self.inbox, self.shops, self.platforms = inbox, shops, platforms
        self.meter, self.traces = metrics.meter(config), tracing.configured(config)
        self.activity = ActivityRecorder(inbox, shops, self.meter)
        self.exposition = MetricsPage(inbox, shops, self.meter, config.metrics_token)
        inbox.database.committed = self.meter.committed
        self.spool = spool
        self.store = spool.store if spool else inbox.store
        self.bodies = BodyReader(config.max_body)
        self.log = logs.logger()

    def find(self, platform: str, shop: str) -> tuple[Platform, Shop] | None:
        """Return the platform and the shop of a webhook URL, None when either does not exist."""
        known = self.shops.get(shop)
        return (self.platforms[platform], known) if known and known.platform == platform else None


@blueprint.post("/webhooks/<platform>/<shop>", strict_slashes=False, provide_automatic_options=False)
def receive(platform: str, shop: str) -> Response:
    """Answer one webhook."""
    began, receiver = time.monotonic(), current()
    found = receiver.find(platform, shop)
    if found is None:
        return unknown_shop()
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        _note_refusal("content_encoding")
        return answer(415, error="content_encoding", hint="Send the body as it was signed, without compression.")
    body = receiver.bodies.read()
    return _received(*found, body, _headers(request.environ), began)


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the request's headers by lower-case name."""
    return {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}


def _received(platform: Platform, shop: Shop, body: bytes, headers: Mapping[str, str], began: float) -> Response:
    receiver = current()
    if platform.ping(body, headers):
        receiver.log.info("ping", shop=shop.name, platform=platform.name)
        receiver.meter.accepted(platform.name, shop.name, "ping")
        return answer(200, status="ping")
    try:
        envelope = platform.verify(body, headers, shop.secrets)
    except BadSignature as error:
        return refused(shop, error)
    topic = platform.topic(envelope.topic)
    if topic and topic.storefront and (wait := receiver.rate_limiter.take(shop.name)):
        return too_many(shop, wait)
    kept = store(platform, shop, envelope, body, began)
    return answer(200, status=kept.status) if kept.spooled else answer(200, status=kept.status, id=kept.id)


def store(platform: Platform, shop: Shop, envelope: Envelope, body: bytes, began: float) -> StoreResult:
    """Store a proven request; `began` is when it came, by the monotonic clock. Raises StoreUnavailable."""
    receiver = current()
    with receiver.traces.webhook(shop, envelope.topic) as carried:
        headers = {**envelope.headers, **carried}
        arrival = NewDelivery(
            shop.name, platform.name, envelope.topic, envelope.identity, envelope.domain, headers, body
        )
        kept = receiver.store(arrival)
    seconds = time.monotonic() - began
    receiver.activity.accepted(shop, envelope.topic, envelope.secret, kept.status, seconds)
    milliseconds = round(seconds * 1000, 1)
    # The worker's line about the outcome follows within milliseconds, and names the same number.
    receiver.log.debug(kept.status, id=kept.id, shop=shop.name, topic=envelope.topic, bytes=len(body), ms=milliseconds)
    return kept


@blueprint.route(
    "/webhooks/<platform>/<shop>", methods=["GET", "PUT", "PATCH", "DELETE", "OPTIONS"], strict_slashes=False
)
def explain(platform: str, shop: str) -> Response:  # noqa: ARG001 - the route names them
    """Say what this URL is for, to whoever opens it in a browser."""
    return other_method("POST", PURPOSE)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process lives."""
    return answer(200, status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether webhooks can be kept: the store answers and its migrations are applied."""
    receiver = current()
    if receiver.spool and receiver.spool.is_needed():
        return answer(200, status="spooling")
    if not is_current(receiver.inbox.database):
        return answer(503, status="migrations_missing", hint="Run: python -m webhook_app migrate")
    return answer(200, status="ready")


@blueprint.get("/metrics")
def scrape() -> Response:
    """Answer Prometheus."""
    said = current().exposition.answer(request.headers.get("Authorization", ""), request.headers.get("Accept", ""))
    return Response(said.body, said.status, content_type=said.media_type)


@blueprint.app_errorhandler(StoreUnavailable)
def unavailable(error: StoreUnavailable) -> Response:
    """Ask the platform to come again: nothing was stored."""
    current().log.error("store_unavailable", error=str(error))
    return _try_later()


@blueprint.app_errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> Response:
    """Refuse a body before reading all of it."""
    _note_refusal("too_large")
    limit = current().bodies.largest
    return answer(413, error="too_large", hint=f"The body is larger than {limit} bytes (MAX_BODY).")


@blueprint.app_errorhandler(HTTPException)
def http_error(error: HTTPException) -> Response:
    """Answer what Flask refuses by itself in the same form."""
    reason = (error.name or "refused").lower().replace(" ", "_")
    _note_refusal(reason)
    return answer(error.code or 400, error=reason)


@blueprint.app_errorhandler(Exception)
def unexpected(error: Exception) -> Response:
    """A mistake of ours is a 503, so that the platform comes again; it is never a 500 and never a 4xx."""
    current().log.error("unexpected", exc_info=error)
    return _try_later()


def current() -> Receiver:
    """Return what the app that answers this request holds."""
    receiver: Receiver = current_app.extensions["receiver"]
    return receiver


def _note_refusal(reason: str) -> None:
    """Note why a webhook was not stored, where its URL is that of a shop."""
    named = (request.view_args or {}) if request.endpoint in STORING else {}
    shop = current().shops.get(named.get("shop", ""))
    if shop and shop.platform == named["platform"]:
        current().activity.refused(shop, reason)


def _try_later() -> Response:
    _note_refusal("unavailable")
    response = answer(503, error="unavailable", hint="Nothing was stored; please send it again.")
    response.headers["Retry-After"] = RETRY_AFTER
    return response


def _rejected(shop: Shop, reason: str, hint: str | None = None) -> None:
    """Count and log that a webhook was not stored."""
    current().activity.refused(shop, reason)
    current().log.warning("rejected", shop=shop.name, platform=shop.platform, reason=reason, hint=hint)


def refused(shop: Shop, error: BadSignature) -> Response:
    """Answer what did not prove itself."""
    _rejected(shop, error.reason, error.hint or None)
    return answer(401, error=error.reason, hint=error.hint)


def other_method(allowed: str, hint: str) -> Response:
    """Answer a method that the address does not take; `hint` says what the address is for."""
    response = answer(405, error="method_not_allowed", hint=hint)
    response.headers["Allow"] = allowed
    return response


def unknown_shop() -> Response:
    """Answer under an address that is no shop's."""
    current().meter.refused("", "", "unknown_shop")
    return answer(404, error="unknown_shop", hint="No shop of that name is configured for that platform.")


def too_many(shop: Shop, wait: int) -> Response:
    """Answer events that come faster than allowed; `wait` is in seconds."""
    _rejected(shop, "too_many")
    hint = "Storefront events come faster than VISITOR_RATE or SHOP_RATE allows."
    response = answer(429, error="too_many", hint=hint)
    response.headers["Retry-After"] = str(wait)
    return response


def answer(code: int, **body: Any) -> Response:
    """Answer in JSON, without what is empty."""
    if 400 <= code < 500 and code != 401:  # noqa: PLR2004 - the sender's mistakes; a 401 has a line of its own
        current().log.debug("refused", code=code, reason=body["error"], hint=body.get("hint") or None)
    said = json.dumps({name: value for name, value in body.items() if value != ""})
    return Response(said + "\n", code, mimetype="application/json")
