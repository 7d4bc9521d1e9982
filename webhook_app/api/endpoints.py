"""The addresses below /api: GET alone, JSON, no cache, no other origin."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request
from marshmallow import ValidationError

from webhook_app.api import queries
from webhook_app.api.token_access import TokenAccess
from webhook_app.errors import UnknownDeliveryError
from webhook_app.web import client_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.api.reads import Reads

NAME = "api"


def blueprint(reads: Reads, token: str) -> Blueprint:
    """Return the addresses, which those may read who send `token` as a bearer token."""
    api = Blueprint(NAME, __name__, url_prefix="/api")
    api.before_request(partial(_require_token, TokenAccess(token)))
    for rule, view in VIEWS.items():
        api.add_url_rule(rule, view.__name__.strip("_"), partial(view, reads), methods=["GET"])
    api.register_error_handler(ValidationError, _refuse_query)
    api.register_error_handler(UnknownDeliveryError, _unknown)
    return api


def _require_token(access: TokenAccess) -> Response | None:
    """Refuse a request without the token; an address that sends many wrong ones is asked to wait."""
    authorization = request.headers.get("Authorization", "")
    if access.accepts(authorization):
        return None
    address = client_address.normalized(request.remote_addr or "") or request.remote_addr or ""
    if wait := access.refuse(authorization, address):
        hint = "This token is wrong, and so were many before it from this address. Send API_TOKEN as a bearer token."
        return _answer(429, {"error": "too_many_wrong_tokens", "hint": hint}, {"Retry-After": str(wait)})
    body = {"error": "token_missing", "hint": "Send API_TOKEN as a bearer token."}
    return _answer(401, body, {"WWW-Authenticate": "Bearer"})


def _deliveries(reads: Reads) -> Response:
    query = queries.read(queries.DELIVERIES, request.args)
    return _answer(200, reads.deliveries(queries.delivery_filter(query), query["limit"], query["below"]))


def _delivery(reads: Reads, number: int) -> Response:
    queries.read(queries.NONE, request.args)
    if number > queries.LARGEST:
        raise UnknownDeliveryError(str(number))
    return _answer(200, reads.delivery(number))


def _shops(reads: Reads) -> Response:
    queries.read(queries.NONE, request.args)
    return _answer(200, reads.all_shops())


def _health(reads: Reads) -> Response:
    queries.read(queries.NONE, request.args)
    return _answer(200, reads.state_of_health())


def _accounting(reads: Reads) -> Response:
    query = queries.read(queries.ACCOUNTING, request.args)
    if query["shop"] is not None and query["shop"] not in reads.shops:
        raise ValidationError({"shop": [f"no shop {query['shop']} is configured"]})
    return _answer(200, reads.accounts(query["day"], query["shop"]))


VIEWS: dict[str, Callable[..., Response]] = {
    "/deliveries": _deliveries,
    "/deliveries/<int:number>": _delivery,
    "/shops": _shops,
    "/health": _health,
    "/accounting": _accounting,
}


def _refuse_query(error: ValidationError) -> Response:
    """Answer a query with a value that cannot be used: never with all rows."""
    return _answer(400, {"error": "bad_query", "errors": error.messages})


def _unknown(_error: UnknownDeliveryError) -> Response:
    return _answer(404, {"error": "unknown_delivery", "hint": "There is no delivery with this number."})


def _answer(code: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    response = Response(json.dumps(body) + "\n", code, mimetype="application/json", headers=headers)
    response.headers["Cache-Control"] = "no-store"
    return response
