"""The last refused requests, where KEEP_REFUSED asks for them, and why the signature of each fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, request

from webhook_app import green_threads, masking
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, scope, user
from webhook_app.dashboard.rendering import render
from webhook_app.inbox.operations import refused_requests
from webhook_app.inbox.operations.refused_requests import BODY_FOR
from webhook_app.signature_check import Configuration, diagnose

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webhook_app.inbox.operations.refused_requests import StoredRefusal
    from webhook_app.signature_check import Diagnosis

HIGHEST = 2**63 - 1  # number in a database


@blueprint.get("/refused")
def refused() -> ResponseReturnValue:
    """List the last refused requests of a shop, or of all that the user sees."""
    shop = request.args.get("shop") or None
    found = refused_requests.newest(current().inbox, scope(shop))
    return render("dashboard/refused.html", requests=found, shop=shop, now=current().inbox.clock(), body_for=BODY_FOR)


@blueprint.get("/refused/<int:number>")
def refused_request(number: int) -> ResponseReturnValue:
    """Show one refused request, and what `verify` finds out about it."""
    found = refused_requests.get(current().inbox, min(number, HIGHEST))
    if found is None or not user().sees(found.shop):
        abort(404, f"There is no refused request {number}. Those of a shop make room for newer ones.")
    return render(
        "dashboard/refused_request.html",
        one=found,
        headers=masking.headers(found.received, revealed=False),
        diagnosis=_diagnosis(found),
        body_for=BODY_FOR,
    )


def _diagnosis(found: StoredRefusal) -> Diagnosis | None:
    """Try to explain the signature, in a thread of its own: it takes some of the processor's time."""
    shop, known = current().shops.get(found.shop), Configuration(current().shops, current().platforms)
    if shop is None or found.body is None:
        return None
    return green_threads.in_thread(diagnose, found.body, found.received, shop, known, found.at / 1000)
