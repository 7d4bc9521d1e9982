"""Signing in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import g, redirect, request, url_for

from webhook_app import logs
from webhook_app.config.users import OWNER
from webhook_app.dashboard.access import blueprint, write_cookie
from webhook_app.dashboard.context import current, record, record_login, session
from webhook_app.dashboard.rendering import render
from webhook_app.dashboard.sessions import DEVICE_COOKIE, DEVICE_LONGEST, Session
from webhook_app.inbox.operations import audit_log, logins

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webhook_app.config.users import User


@blueprint.get("/login")
def login() -> ResponseReturnValue:
    """Show the login form."""
    if session().signed_in:
        return redirect(_next(), 303)
    return _login_page()


@blueprint.post("/login")
def sign_in() -> ResponseReturnValue:
    """Start a session if the password is right, unless there were too many failed logins."""
    dashboard = current()
    wanted = dashboard.accounts.of_name(request.form.get("username", "").strip() or OWNER)
    device = request.cookies.get(DEVICE_COOKIE)
    limits = dashboard.sessions.limits(request.remote_addr, device, wanted.name if wanted else None)
    attempt = dashboard.limits.begin(limits)
    if attempt is None:
        error = "Too many failed logins. Try again in 15 minutes."
        return _login_page(error), 429, {"Retry-After": str(logins.WITHIN // 1000)}
    if not _is_right(wanted, request.form.get("password", "")):
        record_login(audit_log.AuditAction.LOGIN_FAILED, wanted.name if wanted else OWNER)
        logs.logger().warning("dashboard_login_failed", source=dashboard.sessions.source(request.remote_addr))
        wrong = "The user name or the password is wrong." if dashboard.accounts.hashes else "The password is wrong."
        return _login_page(wrong), 401
    dashboard.limits.succeeded(attempt)
    return _start_session(wanted.name if wanted else OWNER)


def _login_page(error: str = "") -> str:
    accounts = current().accounts
    has_owner = accounts.of_name(OWNER) is not None
    return render(
        "dashboard/login.html", next=_next(), error=error, has_users=bool(accounts.hashes), has_owner=has_owner
    )


def _is_right(wanted: User | None, password: str) -> bool:
    dashboard = current()
    if wanted and wanted.name == OWNER and not wanted.password_hash:
        return dashboard.sessions.accepts(password)
    return dashboard.accounts.accepts(wanted, password) if dashboard.accounts.hashes else False


def _start_session(name: str) -> ResponseReturnValue:
    sessions = current().sessions
    g.dashboard_session = Session.new(sessions.now(), signed_in=True, user=name)
    record_login(audit_log.AuditAction.LOGIN, name)
    response = redirect(_next(), 303)
    write_cookie(response, DEVICE_COOKIE, sessions.new_device(name), DEVICE_LONGEST)  # type: ignore[arg-type]
    return response


@blueprint.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End the session: its cookie is refused from now on, wherever it was copied to."""
    record(audit_log.AuditAction.LOGOUT)
    logins.end_session(current().inbox, session().id)
    g.dashboard_session = Session.new(current().sessions.now())
    return redirect(url_for(".login"), 303)


def _next() -> str:
    """Return the page after the login: one of the dashboard, never another site."""
    wanted = request.values.get("next", "")
    is_local = wanted.startswith("/dashboard") and "\\" not in wanted and wanted.isprintable()
    return wanted if is_local and not urlsplit(wanted).netloc else url_for(".overview")
