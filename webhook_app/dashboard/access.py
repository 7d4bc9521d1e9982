"""Controls access to the pages: sessions, CSRF tokens, login with its limits, and security headers."""

from __future__ import annotations

import hmac
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, g, redirect, request, url_for
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from webhook_app import green_threads, logs
from webhook_app.config.users import Role
from webhook_app.dashboard.context import current, record_login, session, user
from webhook_app.dashboard.rendering import render
from webhook_app.dashboard.sessions import COOKIE, Session
from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.http_dates import http_date
from webhook_app.inbox.operations import audit_log, logins

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webhook_app.config.users import User

blueprint = Blueprint(
    "dashboard",
    __name__,
    url_prefix="/dashboard",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)

PUBLIC = ("dashboard.static", "dashboard.login", "dashboard.sign_in")
SHARED = "dashboard.shared"  # opens with its link alone: no session is read nor made
# What a page needs; other pages need the role to read, and other changes the role to operate.
ROLES = {
    "dashboard.deliveries": Role.READ,  # a search is posted
    "dashboard.search": Role.READ,
    "dashboard.sign_out": Role.READ,
    "dashboard.end_session": Role.READ,  # others' sessions need more
    "dashboard.new_job": Role.OPERATE,
    "dashboard.reveal": Role.REVEAL,
}
LARGEST_FORM = 64 * 1024  # bytes
FORM_TIMEOUT = 10.0  # seconds
NO_COOKIE = (
    "Your session has expired, or your browser sent no cookie: over plain HTTP it stores none, except on localhost. "
    "Go back, reload the page and try again."
)
NOT_A_USER = (
    "The proxy has signed you in, but you are not one of the users of this dashboard ([users] in its configuration)."
)
CONDITIONS = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")
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


def _drop_unreadable_dates() -> None:
    """Ignore conditions whose date cannot be read: werkzeug raises OverflowError for some."""
    for name in CONDITIONS:
        if name in request.environ and http_date(request.environ[name]) is None:
            del request.environ[name]
            request.environ.pop("HTTP_RANGE", None)  # without its condition the whole file is right


@blueprint.before_request
def require_session() -> ResponseReturnValue | None:
    """Require a session for every page, and the token of that session for every change."""
    if request.endpoint == "dashboard.static":
        _drop_unreadable_dates()
        return None
    if request.endpoint == SHARED:
        return None
    named = current().identity.name(request.environ)
    known = _known_session(named)
    g.dashboard_session = known or Session.new(current().sessions.now())
    g.dashboard_user = _user(named)
    if request.method == "POST":
        _read_form()
        _refuse_forged(known)
    _refuse_nul()
    if named is not None and not session().signed_in:
        _begin_proxied(named)
    if request.endpoint in PUBLIC:
        return None
    if session().signed_in:
        _require_rights()
        return None
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for(".login", next=here), 303)


def _known_session(named: str | None) -> Session | None:
    """Return the session of the request's cookie, None without one that is valid and open."""
    found = current().sessions.read(request.cookies.get(COOKIE), named)
    return None if found and found.signed_in and logins.is_ended(current().inbox, found.id) else found


def _user(named: str | None) -> User | None:
    """Return who asks: whom the proxy names, else whose session it is; None before the login."""
    accounts = current().accounts
    if named is not None:
        return accounts.of_proxy(named) or abort(403, NOT_A_USER)
    return accounts.of_name(session().user) if session().signed_in else None


def _begin_proxied(named: str) -> None:
    """Start the session of a user whom the proxy has signed in."""
    g.dashboard_session = Session.new(current().sessions.now(), signed_in=True, user=named, proxied=True)
    record_login(audit_log.AuditAction.LOGIN, named)


def _require_rights() -> None:
    """Refuse what the user's roles do not include; of a shop that the user does not see there is nothing."""
    needed = ROLES.get(request.endpoint or "", Role.READ if request.method in ("GET", "HEAD") else Role.OPERATE)
    if not user().may(needed):
        abort(403, f"Your user does not have the role {needed}. Nothing was changed.")
    wanted = [*request.values.getlist("shop"), *filter(None, [(request.view_args or {}).get("shop")])]
    for shop in wanted:
        if shop and not user().sees(shop):
            abort(404, f"There is no shop {shop}.")


def _read_form() -> None:
    request.max_content_length = LARGEST_FORM
    try:
        with green_threads.time_limit(FORM_TIMEOUT):
            request.form  # noqa: B018 - this reads the form
    except TimeoutError:
        abort(408)


def _refuse_nul() -> None:
    """Refuse a value with a NUL: PostgreSQL takes none, and the page would blame the database."""
    if any("\0" in str(value) for value in (*request.values.values(), *(request.view_args or {}).values())):
        abort(400, "A value has a NUL character, which no name has. Nothing was changed.")


def _refuse_forged(known: Session | None) -> None:
    """Refuse a form that another site sent, or without the token of this session."""
    given = request.form.get("csrf", "")
    same_origin = request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    if known is None:
        abort(403, NO_COOKIE)
    if not (same_origin and hmac.compare_digest(given.encode(), known.csrf.encode())):
        abort(403, "This form belongs to another session. Nothing was changed. Go back, reload the page and try again.")


@blueprint.after_request
def add_headers(response: Response) -> Response:
    """Add the security headers, and the cookie if it is new or has to be renewed."""
    if request.endpoint == "dashboard.static":
        response.headers |= {**HEADERS, "Cache-Control": "public, max-age=86400, immutable"}
        return response
    response.headers.update(HEADERS)
    found: Session | None = g.get("dashboard_session")
    if found:
        _set_cookie(response, found)
    return response


def _set_cookie(response: Response, found: Session) -> None:
    sessions = current().sessions
    # The automatic requests of an open page do not keep its session alive.
    current_session = found if request.headers.get("X-Live") else sessions.renewed(found)
    cookie = sessions.write(current_session)
    if cookie == request.cookies.get(COOKIE):
        return
    write_cookie(response, COOKIE, cookie)
    if current_session.signed_in:
        with suppress(StoreUnavailableError):  # the pages can be read while nothing can be written
            logins.see_session(current().inbox, current_session.id)


def write_cookie(response: Response, name: str, value: str, longest: int | None = None) -> None:
    """Add a cookie for the dashboard alone, which no script can read; `longest` is in seconds."""
    response.set_cookie(
        name, value, max_age=longest, path="/dashboard", secure=_is_secure(), httponly=True, samesite="Lax"
    )


def _is_secure() -> bool:
    """Return whether the cookie is only for HTTPS: always, except on localhost over plain HTTP.

    A proxy may name localhost as the host, and not report the scheme: then PUBLIC_URL counts.
    """
    https = (current().public_url or "").startswith("https:") and "X-Forwarded-For" in request.headers
    return request.is_secure or https or (urlsplit(f"//{request.host}").hostname or "") not in LOCAL


@blueprint.errorhandler(HTTPException)
@blueprint.errorhandler(RequestEntityTooLarge)  # which the receiver handles for the whole app
def refused(error: HTTPException) -> ResponseReturnValue:
    """Answer an HTTP error with a page."""
    return render("dashboard/message.html", title=error.name, text=error.description), error.code or 400


REFUSED = "Until it can be used, webhooks are answered with 503, or stored in the spool where SPOOL is set."
DOCTOR = "`python -m webhook_app doctor` shows the cause and what to do."


@blueprint.errorhandler(StoreUnavailableError)
def unavailable(error: StoreUnavailableError) -> ResponseReturnValue:
    """Answer with a page while the database does not answer; without a login, so it shows no address or path."""
    current().inbox.outages.failed(error)
    cause = str(error) if error.advice and "/" not in str(error) else "the database does not answer"
    refused = "" if "503" in error.advice else REFUSED
    text = " ".join(filter(None, (f"{cause[0].upper()}{cause[1:]}.", error.advice, refused, DOCTOR)))
    return render("dashboard/message.html", title="Database unavailable", text=text), 503


@blueprint.errorhandler(OverloadedError)
def overloaded(_error: OverloadedError) -> ResponseReturnValue:
    """Answer with a page while all connections for pages are in use; storing has one of its own."""
    text = "Other pages are using all connections to the database. Webhooks are stored meanwhile. Try again soon."
    return render("dashboard/message.html", title="Too many pages at once", text=text), 503


@blueprint.errorhandler(Exception)
def unexpected(error: Exception) -> ResponseReturnValue:
    """Answer an internal error with a page; the log has the traceback."""
    logs.logger().error("unexpected_error", exc_info=error)
    text = (
        "This is a bug in the receiver; the log event unexpected_error has the details. "
        "The page Actions shows whether anything was changed."
    )
    return render("dashboard/message.html", title="Internal error", text=text), 503
