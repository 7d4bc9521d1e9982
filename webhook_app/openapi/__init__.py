"""The messages of the platform `standard`: for programs at /openapi.json, for developers at /docs."""

from __future__ import annotations

import json
from functools import cache

from flask import Blueprint, Response, current_app

blueprint = Blueprint("openapi", __name__, template_folder="templates", static_folder="static", static_url_path="/docs")

READS = "api"  # the blueprint of the read API, where there is one
CACHE_CONTROL = "public, max-age=300"  # seconds
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Answer with the OpenAPI document."""
    return _answer(_as_json(with_reads=READS in current_app.blueprints), "application/json")


@blueprint.get("/docs", strict_slashes=False)
def docs() -> Response:
    """Answer with the document as a page."""
    response = _answer(_as_page(), "text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _answer(text: str, mimetype: str) -> Response:
    response = Response(text, mimetype=mimetype)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@cache
def _as_json(*, with_reads: bool) -> str:
    from webhook_app.openapi.document import document  # noqa: PLC0415 - who never asks does not pay for apispec

    return json.dumps(document(with_reads=with_reads), indent=2) + "\n"


@cache
def _as_page() -> str:
    from webhook_app.openapi.page import page  # noqa: PLC0415 - the same

    return page()
