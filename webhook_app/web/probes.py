"""Probes for load balancers: /healthz (the process runs) and /readyz (webhooks can be stored)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from webhook_app.web.context import current
from webhook_app.web.responses import answer, try_later

if TYPE_CHECKING:
    from flask import Response

MISSING = "Move the file back or restore a backup; only for a new installation run: python -m webhook_app migrate"

blueprint = Blueprint("probes", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer that the process runs."""
    return answer(200, status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer whether webhooks can be stored: the database answers and its migrations are applied."""
    status = current().readiness.status()
    if status == "unavailable":
        return try_later()
    if status == "database_missing":
        return answer(503, status=status, hint=MISSING)
    if status == "migrations_missing":
        return answer(503, status=status, hint="Run: python -m webhook_app migrate")
    return answer(200, status=status)
