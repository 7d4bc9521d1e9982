"""Probes: /healthz (the process runs) and /readyz (webhooks can be stored)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, request

from webhook_app import __version__
from webhook_app.health.folding import folded
from webhook_app.web import bearer_tokens
from webhook_app.web.responses import answer, try_later

if TYPE_CHECKING:
    from flask import Response

    from webhook_app.health.evaluation import Health
    from webhook_app.health.readiness import Readiness

FIELDS = ("check", "severity", "name", "shop", "text", "advice", "link", "muted")
NO_WORKER = "Webhooks are stored, but no worker runs on this file: start `run` instead of `web`, or a worker beside it."
HINTS = {
    "database_missing": (
        "Move the file back or restore a backup; only for a new installation run: python -m webhook_app migrate"
    ),
    "migrations_missing": "Run: python -m webhook_app migrate",
    "disk_full": "Free some space on the disk of the database; webhooks are answered with 503 until then.",
    "not_writable": (
        "Give the receiver's user write permission in the folder of the database, and mount its disk so that it can be "
        "written; or use a server that allows writes."
    ),
}


def blueprint(readiness: Readiness, health: Health, token: str | None) -> Blueprint:
    """Return the addresses of the probes; with `token` as a bearer token, /healthz?full has the findings."""
    probes = Blueprint("probes", __name__)

    @probes.get("/healthz")
    def healthz() -> Response:
        """Answer that the process runs; to those who have the token, also what needs attention."""
        if "full" not in request.args or not token:
            return answer(200, status="ok")
        if not bearer_tokens.is_right(request.headers.get("Authorization", ""), token):
            return answer(401, error="token_missing", hint="Send METRICS_TOKEN as a bearer token.")
        return answer(200, status="ok", version=__version__, ready=readiness.status(), findings=listed(health))

    @probes.get("/readyz")
    def readyz() -> Response:
        """Answer whether webhooks can be stored."""
        status = readiness.status()
        if status == "unavailable":
            return try_later()
        if hint := HINTS.get(status):
            return answer(503, status=status, hint=hint)
        return answer(200, status=status, **({"hint": NO_WORKER} if readiness.lacks_worker else {}))

    return probes


def listed(health: Health) -> list[dict[str, str]]:
    """Return the warnings and errors, the muted ones too, the worst first."""
    problems = [one for group in folded(health.findings()) for one in group.findings if one.is_problem]
    return [{name: getattr(one, name) for name in FIELDS} for one in problems]
