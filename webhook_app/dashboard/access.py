"""Who may come in: sessions, CSRF, login with its limits, and the headers that every page carries."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from webhook_app import green_threads, logs
from webhook_app.dashboard.context import current, record, session
from webhook_app.dashboard.sessions import COOKIE, Session
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import audit_log

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

gate = Blueprint(
    "dashboard",
    __name__,
    url_prefix="/dashboard",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)

OPEN = ("dashboard.static", "dashboard.login", "dashboard.sign_in")
LARGEST_FORM = 64 * 1024  # bytes
FORM_WITHIN = 10.0  # seconds
# Counted in the inbox, so that they hold over all processes and machines.
LIMIT_WITHIN = 15 * 60  # seconds
MOST_FAILED = 10  # from one place
MOST_FAILED_IN_ALL = 200  # whoever has that many places is still no faster than this
NO_COOKIE = (
    "The session is over, or your browser sent no cookie. Over plain http it keeps none, except on localhost. "
    "Go back, reload the page and try again."
)
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@gate.before_request
def check() -> ResponseReturnValue | None:
    """Let in who is signed in, and no change without the session's token."""
    if request.endpoint == "dashboard.static":
        return None
    known = current().sessions.read(request.cookies.get(COOKIE))
    g.dashboard_session = known or Session.new(current().sessions.now())
    if request.method == "POST":
        _read_form()
        _refuse_forged(known)
    if request.endpoint in OPEN or session().signed_in:
        return None
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for(".login", next=here), 303)


def _read_form() -> None:
    request.max_content_length = LARGEST_FORM
    try:
        with green_threads.time_limit(FORM_WITHIN):
            request.form  # noqa: B018 - reading it is what takes time
    except TimeoutError:
        abort(408)


def _refuse_forged(known: Session | None) -> None:
    """Refuse what another site's page sent, and what carries no token of this session's."""
    given = request.form.get("csrf", "")
    sent_by_us = request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    if known is None:
        abort(403, NO_COOKIE)
    if not (sent_by_us and hmac.compare_digest(given.encode(), known.csrf.encode())):
        abort(403, "This form is not of your session. Nothing was changed. Go back, reload the page and try again.")


@gate.after_request
def finish(response: Response) -> Response:
    """Add the headers, and the cookie where it is new or was last written a while ago."""
    if request.endpoint == "dashboard.static":
        response.headers |= {**HEADERS, "Cache-Control": "public, max-age=86400, immutable"}
        return response
    response.headers.update(HEADERS)
    found: Session | None = g.get("dashboard_session")
    if found:
        _keep(response, found)
    return response


def _keep(response: Response, found: Session) -> None:
    sessions = current().sessions
    # What a page asks for by itself is no sign of life of whoever sits before it.
    kept = found if request.headers.get("X-Live") else sessions.renewed(found)
    written = sessions.write(kept)
    if written != request.cookies.get(COOKIE):
        response.set_cookie(COOKIE, written, path="/dashboard", secure=_is_secure(), httponly=True, samesite="Lax")


def _is_secure() -> bool:
    """Over plain http only localhost gets a cookie: behind a proxy we may not know of its https."""
    return request.is_secure or (urlsplit(f"//{request.host}").hostname or "") not in LOCAL


@gate.get("/login")
def login() -> ResponseReturnValue:
    """Show the login form."""
    if session().signed_in:
        return redirect(_next(), 303)
    return render_template("dashboard/login.html", next=_next())


@gate.post("/login")
def sign_in() -> ResponseReturnValue:
    """Begin a session for whoever knows the password, unless too many did not."""
    dashboard = current()
    source = dashboard.sessions.source(request.remote_addr)
    mine, every = audit_log.failed_logins(dashboard.inbox, source, LIMIT_WITHIN)
    if mine >= MOST_FAILED or every >= MOST_FAILED_IN_ALL:
        fault = "Too many wrong passwords. Wait a quarter of an hour."
        return (
            render_template("dashboard/login.html", next=_next(), fault=fault),
            429,
            {"Retry-After": str(LIMIT_WITHIN)},
        )
    if not dashboard.sessions.accepts(request.form.get("password", "")):
        record(audit_log.AuditAction.LOGIN_FAILED)
        logs.logger().warning("dashboard_login_failed", source=source)
        return render_template("dashboard/login.html", next=_next(), fault="This is not the password."), 401
    g.dashboard_session = Session.new(dashboard.sessions.now(), signed_in=True)
    record(audit_log.AuditAction.LOGIN)
    return redirect(_next(), 303)


@gate.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End the session in this browser."""
    record(audit_log.AuditAction.LOGOUT)
    g.dashboard_session = Session.new(current().sessions.now())
    return redirect(url_for(".login"), 303)


def _next() -> str:
    """Return where to go after the login: a page of ours, never another site's."""
    wanted = request.values.get("next", "")
    ours = wanted.startswith("/dashboard") and "\\" not in wanted and wanted.isprintable()
    return wanted if ours and not urlsplit(wanted).netloc else url_for(".overview")


@gate.errorhandler(HTTPException)
@gate.errorhandler(RequestEntityTooLarge)  # which the receiver handles for the whole app
def refused(error: HTTPException) -> ResponseReturnValue:
    """Say what is wrong on a page."""
    return render_template("dashboard/message.html", title=error.name, text=error.description), error.code or 400


@gate.errorhandler(StoreUnavailableError)
def unavailable(error: StoreUnavailableError) -> ResponseReturnValue:
    """Say that the database does not answer."""
    logs.logger().error("store_unavailable", error=str(error))
    text = (
        "The database does not answer, or is not migrated. Webhooks are refused or spooled meanwhile; nothing is lost."
    )
    return render_template("dashboard/message.html", title="The inbox does not answer", text=text), 503


@gate.errorhandler(Exception)
def unexpected(error: Exception) -> ResponseReturnValue:
    """A mistake of ours; the log says where."""
    logs.logger().error("unexpected_error", exc_info=error)
    text = "A mistake of ours; the log line `unexpected` says where. What was changed is on the page of actions."
    return render_template("dashboard/message.html", title="This did not work", text=text), 503
