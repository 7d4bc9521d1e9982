"""The responses of the web process: small JSON bodies; every refusal has a reason code, is counted and logged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.web import browser_page, request_body
from webhook_app.web.context import STORING_ENDPOINTS, current
from webhook_app.web.sampled_log import Kind

if TYPE_CHECKING:
    from schemas.events import Ignored
    from webhook_app.config.shops import Shop
    from webhook_app.errors import BadSignatureError

NOT_STORED = "Nothing was stored; please send it again."
PAGE_UNAVAILABLE = "The database does not answer, or all of its connections are in use. Try again in a moment."
PAGE_FAILED = "This is a bug in the receiver; the log event unexpected_error has the details."
RETRY_AFTER = "30"  # seconds; Shopify has its own schedule, other platforms follow the header


def answer(code: int, **body: Any) -> Response:
    """Return a JSON response; empty values are left out. Refusals are logged."""
    if 400 <= code < 500:  # noqa: PLR2004 - client errors
        _log_refusal("debug", "request_refused", code, body["error"], hint=body.get("hint") or None, code=code)
    return _json(code, **body)


def bad_signature(shop: Shop, error: BadSignatureError) -> Response:
    """Answer a request whose signature does not verify."""
    _rejected(shop, 401, error.reason, error.hint)
    return _json(401, error=error.reason, hint=error.hint)


def method_not_allowed(allowed: str, hint: str) -> Response:
    """Answer a method that the URL does not accept; `hint` says what the URL is for."""
    response = answer(405, error="method_not_allowed", hint=hint)
    if browser_page.is_wanted():
        response = browser_page.page(405, "Nothing to see here", hint)
    response.headers["Allow"] = allowed
    return response


def unknown_shop(**found: int) -> Response:
    """Answer a request to a URL that names no configured shop, with what was found out about it."""
    current().meter.refused("", "", "unknown_shop")
    return answer(404, error="unknown_shop", hint="No shop of that name is configured for that platform.", **found)


def too_many_requests(shop: Shop, wait: int) -> Response:
    """Answer a storefront event beyond the rate limit; `wait` is in seconds."""
    _rejected(shop, 429, "too_many")
    hint = "Storefront events come faster than VISITOR_RATE or SHOP_RATE allows."
    response = _json(429, error="too_many", hint=hint)
    response.headers["Retry-After"] = str(wait)
    return response


def never_sendable(shop: Shop, why: Ignored) -> Response:
    """Answer a visitor's event that cannot be sent, whatever is configured later: nothing is stored."""
    _rejected(shop, 400, why.reason, why.detail)
    return _json(400, error=why.reason, hint=why.detail)


def refused(shop: Shop, code: int, reason: str, hint: str) -> Response:
    """Answer a request to register an app that is not accepted."""
    _rejected(shop, code, reason, hint)
    return _json(code, error=reason, hint=hint)


def unsupported_encoding() -> Response:
    """Answer a compressed body: the signature covers the uncompressed bytes."""
    count_refusal("content_encoding")
    return answer(415, error="content_encoding", hint="Send the body as it was signed, without compression.")


def count_refusal(reason: str) -> None:
    """Count a webhook that was not stored, if its URL names a shop."""
    if shop := current().requested_shop():
        current().activity.refused(shop, reason)


def register_error_handlers(app: Flask) -> None:
    """Answer all exceptions of the endpoints in JSON: never with a 500, never with an HTML page."""
    app.register_error_handler(StoreUnavailableError, _store_unavailable)
    app.register_error_handler(OverloadedError, _overloaded)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


def _json(code: int, **body: Any) -> Response:
    text = json.dumps({name: value for name, value in body.items() if value != ""})
    return Response(text + "\n", code, mimetype="application/json")


def _rejected(shop: Shop, code: int, reason: str, hint: str = "") -> None:
    current().activity.refused(shop, reason)
    _log_refusal("warning", "webhook_rejected", code, reason, shop=shop.name, platform=shop.platform, hint=hint or None)


def _log_refusal(level: str, event: str, status: int, reason: str, shop: str | None = None, **keys: Any) -> None:
    """Log the first refusal of its kind; a line a minute counts the others."""
    kind = Kind("request_refused", shop, status, str(reason))
    named = {"reason": str(reason), **keys, **({"shop": shop} if shop else {})}
    current().sampled_log.add(level, event, kind, **named)


def _store_unavailable(error: StoreUnavailableError) -> Response:
    """Answer 503, so that the platform sends the webhook again: nothing was stored."""
    advice = error.advice or None
    current().sampled_log.add("error", "store_unavailable", Kind("store_unavailable"), error=str(error), hint=advice)
    count_refusal("unavailable")
    return try_later(f"The database cannot be used. {advice}" if advice else PAGE_UNAVAILABLE)


def _overloaded(error: OverloadedError) -> Response:
    """Answer 503 without an alarm: anyone can open connections, and nothing is wrong with the store."""
    _log_refusal("debug", "request_refused", 503, "overloaded", code=503, hint=str(error))
    return try_later()


def _too_large(_error: RequestEntityTooLarge) -> Response:
    """Answer a body beyond MAX_BODY, before all of it is read."""
    count_refusal("too_large")
    limit = current().body_reader.max_size
    return answer(413, error="too_large", hint=f"The body is larger than {limit} bytes (MAX_BODY).")


def _http_error(error: HTTPException) -> Response:
    """Answer Flask's own refusals in the same form."""
    reason = (error.name or "refused").lower().replace(" ", "_")
    count_refusal(reason)
    if reason == "not_found" and browser_page.is_wanted():
        return browser_page.not_found()
    response = answer(error.code or 400, error=reason, hint=_hint(error))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _hint(error: HTTPException) -> str:
    """Return what to correct, as far as it is known."""
    if isinstance(error, NotFound):
        return _path_hint(request.path)
    if isinstance(error, MethodNotAllowed):
        return f"This URL accepts only {', '.join(sorted(error.valid_methods or []))}."
    return str(error.description) if error.description in request_body.HINTS else ""  # others may repeat the input


def _path_hint(path: str) -> str:
    """Return what a path should have been, if it looks like that of a webhook or of a storefront's event."""
    if "//" in path:
        return "The path has two slashes in a row: remove one. Webhook URLs are /webhooks/<platform>/<shop>."
    if path.lower().startswith(("/webhook", "/storefront")):
        return "Webhook URLs are /webhooks/<platform>/<shop>; `python -m webhook_app check` prints yours."
    return ""


def _unexpected_error(error: Exception) -> Response:
    """Answer a bug in the receiver with 503, so that the platform sends the webhook again."""
    current().log.error("unexpected_error", exc_info=error)
    count_refusal("unavailable")
    return try_later(PAGE_FAILED)


def try_later(of_a_page: str = PAGE_UNAVAILABLE) -> Response:
    """Answer 503: nothing was stored; where the request was not to store anything, with the hint `of_a_page`."""
    stores = request.endpoint is None or request.endpoint in STORING_ENDPOINTS
    response = answer(503, error="unavailable", hint=NOT_STORED if stores else of_a_page)
    response.headers["Retry-After"] = RETRY_AFTER
    return response
