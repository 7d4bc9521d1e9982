"""The address /metrics of the web process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

if TYPE_CHECKING:
    from webhook_app.observability.metrics_page import MetricsPage


def blueprint(page: MetricsPage) -> Blueprint:
    """Return the endpoint that serves `page`."""
    endpoint = Blueprint("metrics", __name__)

    @endpoint.get("/metrics")
    def scrape() -> Response:
        """Answer Prometheus."""
        headers = request.headers
        response = page.respond(headers.get("Authorization", ""), headers.get("Accept", ""))
        return Response(response.body, response.status, content_type=response.media_type)

    return endpoint
