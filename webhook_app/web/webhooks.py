"""The webhook endpoint: verify, store, answer. The worker (webhook_app/delivery) does the rest.

Parses nothing before the signature is verified, and then only what names topic and identity.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from webhook_app.config import shops
from webhook_app.errors import BadSignatureError
from webhook_app.inbox import NewDelivery
from webhook_app.signing.base import is_plain
from webhook_app.web.context import current, mark_verified
from webhook_app.web.request_headers import by_name
from webhook_app.web.responses import (
    answer,
    bad_signature,
    method_not_allowed,
    too_many_requests,
    unknown_shop,
    unsupported_encoding,
)
from webhook_app.web.sampled_log import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import StoreResult
    from webhook_app.platforms.base import Envelope, Platform

blueprint = Blueprint("webhooks", __name__)

URL = "/webhooks/<platform>/<shop>"
PURPOSE = "This is a webhook URL: a shop's platform sends signed events to it with POST."
RAW_DIGEST = "body-sha256"  # beside a body whose fields were dropped: of the body that was signed, in hexadecimal
NO_BODY = (
    "The request has no body: send the event as the body of the POST, and check that no redirect or proxy on the way "
    "drops it."
)


@blueprint.post(URL, strict_slashes=False, provide_automatic_options=False)
def receive(platform: str, shop: str) -> Response:
    """Answer one webhook."""
    began, context = time.monotonic(), current()
    found = context.find(platform, shop)
    if found is None:
        return _large_body_read() if shop == shops.DOCTOR else unknown_shop()
    headers = by_name(request.environ)
    if not is_plain(headers.get("content-encoding", "")):
        return unsupported_encoding()
    return _received(*found, context.body_reader.read(), headers, began)


def _large_body_read() -> Response:
    """Answer `doctor` once its body is read: a proxy that passes on as it reads would pass on an earlier answer."""
    return unknown_shop(received=len(current().body_reader.read()))


@blueprint.route(URL, methods=["GET", "PUT", "PATCH", "DELETE", "OPTIONS"], strict_slashes=False)
def explain(platform: str, shop: str) -> Response:  # noqa: ARG001 - the route names them
    """Explain what this URL is for, for example in a browser."""
    return method_not_allowed("POST", PURPOSE)


def store(platform: Platform, shop: Shop, envelope: Envelope, body: bytes, began: float) -> StoreResult:
    """Store a verified request that began at `began` (monotonic seconds). Raises StoreUnavailableError."""
    context = current()
    mark_verified()
    with context.tracer.webhook(shop, envelope.topic) as trace_headers:
        stored = shop.drop_fields.removed_from(body)
        headers = {**envelope.headers, **trace_headers} | ({} if stored is body else {RAW_DIGEST: _digest(body)})
        delivery = NewDelivery(
            shop.name,
            platform.name,
            envelope.topic,
            envelope.identity,
            envelope.domain,
            headers,
            stored,
            former_identity=envelope.former_identity,
        )
        result = context.store(delivery)
    seconds = time.monotonic() - began
    secret, domain = envelope.secret_index, envelope.domain
    context.activity.accepted(shop, envelope.topic, secret, seconds, domain)
    # At debug level: the worker logs the outcome under the same number.
    context.log.debug(
        "webhook_stored",
        status=result.status,
        id=result.id,
        shop=shop.name,
        topic=envelope.topic,
        bytes=len(body),
        ms=round(seconds * 1000, 1),
    )
    return result


def _app_removed(shop: Shop, envelope: Envelope) -> None:
    if current().shop_secrets.removed(shop, envelope.secret_index):
        current().log.info("app_removed", shop=shop.name, platform=shop.platform)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _received(platform: Platform, shop: Shop, body: bytes, headers: Mapping[str, str], began: float) -> Response:
    context = current()
    if platform.is_ping(body, headers):
        context.sampled_log.add(
            "info", "ping_received", Kind("ping_received", shop.name), shop=shop.name, platform=platform.name
        )
        context.meter.accepted(platform.name, shop.name, "ping")
        return answer(200, status="ping")
    try:
        envelope = context.shop_secrets.verify(platform, shop, body, headers)
    except BadSignatureError as error:
        context.refusals.add(shop, error.reason, headers, body)
        return bad_signature(shop, error if body else BadSignatureError(error.reason, NO_BODY))
    topic = platform.topic(envelope.topic)
    if topic and topic.storefront and (wait := context.rate_limiter.take(shop.name)):
        return too_many_requests(shop, wait)
    result = store(platform, shop, envelope, body, began)
    if platform.handshake and envelope.topic == platform.handshake.removed_topic:
        _app_removed(shop, envelope)
    return answer(200, status=result.status) if result.spooled else answer(200, status=result.status, id=result.id)
