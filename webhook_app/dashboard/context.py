"""The context of the pages, stored by the app in `extensions["dashboard"]`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import current_app, g, request

from webhook_app import logs
from webhook_app.config.users import OWNER
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.operations import audit_log, logins
from webhook_app.inbox.reports.shop_days import ShopDays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.config.users import User
    from webhook_app.dashboard.accounts import Accounts, ProxyIdentity
    from webhook_app.dashboard.local_access import LocalIdentity
    from webhook_app.dashboard.login_limits import LoginLimits
    from webhook_app.dashboard.sessions import Session, Sessions
    from webhook_app.health.evaluation import Health
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.reports.key_overlap import KeyOverlap
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
    accounts: Accounts
    identity: ProxyIdentity | LocalIdentity
    health: Health
    # The compared profile keys of each shop, and when they were read, in monotonic seconds.
    overlaps: dict[str, tuple[float, KeyOverlap | None]] = field(default_factory=dict)

    @property
    def days(self) -> ShopDays:
        """The days of each shop, in its time zone."""
        return ShopDays.of(self.shops)


def current() -> DashboardContext:
    """Return the context of the app that answers the current request."""
    dashboard: DashboardContext = current_app.extensions["dashboard"]
    return dashboard


def session() -> Session:
    """Return the session of the current request."""
    found: Session = g.dashboard_session
    return found


def user() -> User:
    """Return the user of the current request; every page but the login has one."""
    found: User = g.dashboard_user
    return found


def visible(names: Iterable[str]) -> list[str]:
    """Return those of the shops that the user sees."""
    return [name for name in names if user().sees(name)]


def scope(shop: str | None = None) -> tuple[str, ...] | None:
    """Return the shops that a page is about: the one that was chosen, else those the user sees; None for all."""
    seen = user().shops
    if shop is not None:
        return (shop,)
    return None if seen is None else tuple(sorted(seen))


def audit_event(
    action: audit_log.AuditAction, delivery_id: int | None = None, detail: str = "", user_name: str | None = None
) -> audit_log.AuditEvent:
    """Return the audit event of what the current request does."""
    source, name = current().sessions.source(request.remote_addr), session().user_name
    who = name if user_name is None else user_name
    return audit_log.AuditEvent(action, source, session().id, delivery_id, detail, who)


def record(
    action: audit_log.AuditAction, delivery_id: int | None = None, detail: str = "", user_name: str | None = None
) -> None:
    """Record an audit event, before the action is carried out. Raises StoreUnavailableError."""
    audit_log.write(current().inbox, audit_event(action, delivery_id, detail, user_name))


def record_login(action: audit_log.AuditAction, name: str) -> None:
    """Record a login, if possible: a full disk must not lock out those who come to see that it is full."""
    inbox, source = current().inbox, current().sessions.source(request.remote_addr)
    try:
        record(action, user_name="" if name == OWNER else name)
        if action == audit_log.AuditAction.LOGIN:
            logins.start_session(inbox, session().id, source, session().user_name)
    except StoreUnavailableError as error:
        logs.logger().warning("audit_event_lost", action=str(action), source=source, error=str(error))
