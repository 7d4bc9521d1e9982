"""Links to a shop's page for those who have no user here: read-only, signed, for a time, and for this page alone."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from flask import abort, current_app, redirect, request, url_for
from itsdangerous import BadData, URLSafeSerializer

from webhook_app.dashboard import attention
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, record, session
from webhook_app.dashboard.pages.shop import page_of
from webhook_app.dashboard.rendering import render
from webhook_app.dashboard.shop_guide import public_url
from webhook_app.inbox.operations import logins, shared_pages
from webhook_app.inbox.operations.audit_log import AuditAction

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

PURPOSE = b"shared page"
LONGEST_TOKEN = 300  # characters
OVER = "This link is not valid, or not any more. Ask the sender for a new one."


@blueprint.post("/shops/<shop>/links")
def share(shop: str) -> ResponseReturnValue:
    """Make a link, which is shown once."""
    if shop not in current().shops:
        abort(404, f"There is no shop {shop}.")
    validity = shared_pages.VALIDITIES.get(request.form.get("for", "")) or abort(400, "Choose for how long.")
    record(AuditAction.SHARED, detail=f"{shop} for {request.form['for']}")
    link = shared_pages.create(current().inbox, shop, validity, session().user_name)
    token = _signer().dumps([link.id, shop])
    path = url_for(".shared", token=token)
    return render("dashboard/link.html", link=link, url=f"{public_url()}{path}")


@blueprint.post("/shops/<shop>/links/<number>/end")
def end_link(shop: str, number: str) -> ResponseReturnValue:
    """End a link: it opens nothing from now on."""
    record(AuditAction.SHARE_ENDED, detail=f"{shop} link {number[:16]}")
    if not shared_pages.end(current().inbox, number, shop):
        abort(404, "There is no such link any more.")
    return redirect(url_for(".shop", shop=shop, message="ended", _anchor="links"), 303)


@blueprint.get("/shared/<token>", endpoint="shared")
def show(token: str) -> ResponseReturnValue:
    """Show the page of a shop to those who have its link."""
    number, shop = _opened(token)
    if shop not in current().shops or not shared_pages.is_open(current().inbox, number, shop):
        abort(404, OVER)
    return render("dashboard/shop.html", **page_of(shop, attention.of_shop(shop)), is_shared=True)


def _opened(token: str) -> tuple[str, str]:
    """Return the number of a link and its shop; answers 404 for what is not signed here."""
    try:
        number, shop = _signer().loads(token) if len(token) <= LONGEST_TOKEN else ("", "")
    except (BadData, ValueError, TypeError):
        abort(404, OVER)
    return str(number), str(shop)


def _signer() -> Any:
    """Return the signer of links, whose key is derived from the random one of the inbox."""
    found = current_app.extensions.get(__name__)
    if found is None:
        key = hmac.digest(logins.signing_key(current().inbox), PURPOSE, "sha256")
        found = URLSafeSerializer(key, salt="shared page", signer_kwargs={"digest_method": hashlib.sha256})
        current_app.extensions[__name__] = found
    return found
