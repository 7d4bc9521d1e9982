"""Creates the app of the sandbox: routes, error pages, and headers of every answer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, render_template, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from schemas.event_types import EVENT_TYPES
from webhook_app.sandbox.api import MAX_BODY, api
from webhook_app.sandbox.context import NAME, Sandbox
from webhook_app.sandbox.failure_switches import FailureSwitches
from webhook_app.sandbox.json_endpoints import records
from webhook_app.sandbox.pages import pages
from webhook_app.sandbox.same_site import refuse_other_sites
from webhook_app.sandbox.store import SandboxStore

if TYPE_CHECKING:
    from collections.abc import Collection

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
API_SENTENCES = {
    404: f"There is no such call; the calls are {', '.join(EVENT_TYPES)}.",
    405: "Calls of the Analytics API are POST requests.",
}


def create_app(
    instance_keys: Collection[str] = (), catalogue: Collection[str] = (), max_profiles: int = 10_000
) -> Flask:
    """Return a new sandbox; without instance keys it accepts any, without a catalogue any product.

    `max_profiles` is for each instance key. All state is in memory: serve it with one process and several threads.
    """
    if max_profiles < 1:
        raise ValueError("max_profiles must be at least 1")
    app = Flask(__name__)
    app.json = _Json(app)
    # A chunked body is cut at this length, not refused: one byte more shows that it was too long.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY + 1
    app.extensions[NAME] = Sandbox(instance_keys, frozenset(catalogue), SandboxStore(max_profiles), FailureSwitches())
    for blueprint in (api, records, pages):
        app.register_blueprint(blueprint)
    app.before_request(lambda: refuse_other_sites(request))
    app.register_error_handler(HTTPException, _answer_error)
    app.after_request(_add_headers)
    return app


def _jsonable(value: Any) -> Any:
    # Amounts are shown as they were received: as JSON numbers.
    return float(value) if isinstance(value, Decimal) else DefaultJSONProvider.default(value)


class _Json(DefaultJSONProvider):
    """JSON in the original order of fields, with Decimal as a number."""

    default = staticmethod(_jsonable)
    sort_keys = False


def _answer_error(error: HTTPException) -> Response:
    response = Response(headers=error.get_headers())
    response.status_code = error.code or 500
    if request.path.startswith("/api/") or request.path == "/api":
        sentence = API_SENTENCES.get(response.status_code, error.description or error.name)
        response.data, response.content_type = jsonify(errors={"request": [sentence]}).data, "application/json"
    else:
        response.data, response.content_type = render_template("error.html", error=error), "text/html; charset=utf-8"
    return response


def _add_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response
