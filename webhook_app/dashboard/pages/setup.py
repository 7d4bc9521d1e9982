"""Setup: forms of a shop's page, which send a sample and make the app that a merchant installs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, abort, redirect, request, url_for

from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, record, visible
from webhook_app.dashboard.shop_guide import public_url
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.operations import audit_log
from webhook_app.platforms import samples
from webhook_app.platforms.app_package import packed
from webhook_app.web import context as web_context

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webhook_app.config.shops import Shop

SEND_TIMEOUT = 15.0  # seconds
ALL_ADDRESSES = ("", "0.0.0.0", "::", "[::]", "localhost")  # noqa: S104 - names of a server that listens on all


@blueprint.get("/setup")
def setup() -> ResponseReturnValue:
    """Lead to the page of the shop where there is one, else to the table of shops."""
    names = visible(current().shops)
    where = url_for(".shop", shop=names[0], _anchor="setup") if len(names) == 1 else url_for(".overview")
    return redirect(where, 303)


@blueprint.post("/shops/<shop>/app")
def download_app(shop: str) -> ResponseReturnValue:
    """Return the app of a shop whose platform has one, as a zip; it contains the app secret."""
    found = current().shops.get(shop) or abort(404, f"There is no shop {shop}.")
    platform = current().platforms[found.platform]
    if platform.handshake is None or found.app_secret is None:
        abort(409, f"There is no app for {found.name}: its platform has none, or the shop has no app_secret.")
    record(audit_log.AuditAction.APP, detail=found.name)
    name, values = platform.handshake.app_name, {"url": public_url(), "shop": found.name, "secret": found.app_secret}
    disposition = f'attachment; filename="{name}.zip"'
    content = packed(f"{platform.name}/{name}", values)
    return Response(content, mimetype="application/zip", headers={"Content-Disposition": disposition})


@blueprint.post("/setup/<shop>/sample")
def sample(shop: str) -> ResponseReturnValue:
    """Post a signed sample to the receiver itself, over HTTP, and show its delivery."""
    found = current().shops.get(shop) or abort(404, f"There is no shop {shop}.")
    platform = current().platforms[found.platform]
    topic = platform.topic(request.form.get("topic", "")) or abort(400, "There is no sample for this topic.")
    secret = _secret(found)
    record(audit_log.AuditAction.SAMPLE, detail=f"{found.name} {topic.name}")
    headers, body = samples.signed_delivery(
        platform, topic, found.profile_attribute, secret, samples.address(found.domain)
    )
    import requests  # noqa: PLC0415 - only this button needs it

    from webhook_app.timed_answers import Session, UnixAdapter  # noqa: PLC0415

    try:
        path = _own_socket()
        with Session(UnixAdapter(path) if path else None) as session:
            session.trust_env = False  # a proxy would look for this address on its own machine
            response = session.post(
                _own_url(found), data=body, headers=headers, timeout=SEND_TIMEOUT, allow_redirects=False
            )
        content = response.json()
    except (requests.RequestException, ValueError) as error:
        abort(
            502, f"The receiver does not answer at {_own_url(found)} ({type(error).__name__}). The sample was not sent."
        )
    if "id" not in content:
        abort(502, f"The receiver answered {response.status_code}: {content.get('error') or content.get('status')}.")
    return redirect(url_for(".delivery", number=content["id"], message="sample"), 303)


def _secret(shop: Shop) -> str:
    """Return a secret with which this receiver accepts a sample."""
    try:
        secret = web_context.current().shop_secrets.newest(shop)
    except StoreUnavailableError as error:
        abort(409, f"A sample cannot be signed: {error}")
    return secret or abort(
        409, f"The app of {shop.name} has not registered itself yet: install it, then send a sample."
    )


def _own_socket() -> str:
    """Return the path of the Unix socket through which this request came; "" where it came to an address."""
    connection: Any = request.environ.get("gunicorn.socket")
    return connection.unix_path if connection else ""


def _own_url(shop: Shop) -> str:
    """Return the address on which this server itself listens, without any proxy."""
    if _own_socket():
        return f"http://localhost/webhooks/{shop.platform}/{shop.name}"
    # ProxyFix replaces these by what a proxy reports; the original values are the server's own.
    own = request.environ.get("werkzeug.proxy_fix.orig", request.environ)
    host, port = own["SERVER_NAME"], own["SERVER_PORT"]
    where = "127.0.0.1" if host in ALL_ADDRESSES else host
    where = f"[{where}]" if ":" in where else where
    return f"http://{where}:{port}/webhooks/{shop.platform}/{shop.name}"
