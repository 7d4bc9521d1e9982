"""Probes: /healthz (the process runs) and /readyz (webhooks can be stored)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from webhook_app.web.responses import answer, try_later

if TYPE_CHECKING:
    from flask import Response

    from webhook_app.health.readiness import Readiness

HINTS = {
    "database_missing": (
        "Move the file back or restore a backup; only for a new installation run: python -m webhook_app migrate"
    ),
    "migrations_missing": "Run: python -m webhook_app migrate",
    "disk_full": "Free some space on the disk of the database; webhooks are answered with 503 until then.",
    "not_writable": "Give the receiver's user write permission in the folder of the database.",
}


def blueprint(readiness: Readiness) -> Blueprint:
    """Return the addresses of the probes."""
    probes = Blueprint("probes", __name__)

    @probes.get("/healthz")
    def healthz() -> Response:
        """Answer that the process runs."""
        return answer(200, status="ok")

    @probes.get("/readyz")
    def readyz() -> Response:
        """Answer whether webhooks can be stored."""
        status = readiness.status()
        if status == "unavailable":
            return try_later()
        if hint := HINTS.get(status):
            return answer(503, status=status, hint=hint)
        return answer(200, status=status)

    return probes
