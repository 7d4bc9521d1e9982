"""The address /metrics of the web process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from webhook_app.observability.metrics_page import PATH

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as BaseResponse

    from webhook_app.observability.metrics_page import MetricsPage


def blueprint(page: MetricsPage) -> Blueprint:
    """Return a blueprint that serves `page`."""
    endpoint = Blueprint("metrics", __name__)

    @endpoint.get(PATH)
    def metrics() -> BaseResponse:
        """Answer a scrape."""
        return Response.from_app(page, {**request.environ, "REQUEST_METHOD": "GET"})  # Flask answers HEAD from it

    return endpoint
