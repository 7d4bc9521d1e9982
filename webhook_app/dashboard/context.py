"""The context of the pages, stored by the app in `extensions["dashboard"]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app, g, request

from webhook_app.inbox import audit_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.dashboard.login_limits import LoginLimits
    from webhook_app.dashboard.sessions import Session, Sessions
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform
    from webhook_app.translation.translate import AgeLimits


@dataclass(frozen=True, slots=True)
class DashboardContext:
    """Everything that the pages of one process need."""

    inbox: Inbox
    shops: Mapping[str, Shop]
    platforms: Mapping[str, Platform]
    sessions: Sessions
    limits: LoginLimits
    public_url: str | None
    ages: AgeLimits
    tweakwise_url: str


def current() -> DashboardContext:
    """Return the context of the app that answers the current request."""
    dashboard: DashboardContext = current_app.extensions["dashboard"]
    return dashboard


def session() -> Session:
    """Return the session of the current request."""
    found: Session = g.dashboard_session
    return found


def record(action: audit_log.AuditAction, delivery_id: int | None = None, detail: str = "") -> None:
    """Record an audit event, before the action is carried out. Raises StoreUnavailableError."""
    source = current().sessions.source(request.remote_addr)
    audit_log.write(current().inbox, audit_log.AuditEvent(action, source, session().id, delivery_id, detail))
