"""Registers the dashboard with the app of the web process."""

from __future__ import annotations

import hashlib
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import g, url_for

from webhook_app import formatting, masking, reasons
from webhook_app.dashboard import local_access, pages, rendering
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.accounts import Accounts, ProxyIdentity
from webhook_app.dashboard.attention import may_mute
from webhook_app.dashboard.context import DashboardContext, current
from webhook_app.dashboard.local_access import LocalIdentity
from webhook_app.dashboard.login_limits import LoginLimits
from webhook_app.dashboard.navigation import NAVIGATION
from webhook_app.dashboard.sessions import Sessions
from webhook_app.inbox.operations import logins
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.config.users import User
    from webhook_app.health.evaluation import Health
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform

# Importing a module of pages/ adds its routes to the blueprint.
for _page in pkgutil.iter_modules(pages.__path__):
    import_module(f"{pages.__name__}.{_page.name}")
STATIC = Path(__file__).with_name("static")
VERSIONS = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:10] for file in STATIC.iterdir()}


def register(  # noqa: PLR0913, PLR0917 - everything that the pages need
    app: Flask,
    inbox: Inbox,
    shops: Mapping[str, Shop],
    platforms: Mapping[str, Platform],
    users: Mapping[str, User],
    config: Settings,
    health: Health,
) -> None:
    """Add the pages under /dashboard; there must be a DASHBOARD_PASSWORD or users, or no need for them."""
    open_here = not users and local_access.is_open(config)
    accounts = Accounts(local_access.USERS if open_here else users, has_owner=config.dashboard_password is not None)
    sessions = Sessions(config.dashboard_password, lambda: logins.signing_key(inbox), hashes=accounts.hashes)
    ages = AgeLimits(config.max_order_age, config.max_age, config.keep_rows, config.key_wait)
    app.extensions["dashboard"] = DashboardContext(
        inbox,
        shops,
        platforms,
        sessions,
        LoginLimits(inbox),
        config.public_url,
        ages,
        config.tweakwise_url,
        accounts,
        LocalIdentity() if open_here else ProxyIdentity(config),
        health,
    )
    app.extensions[rendering.NAME] = rendering.environment(app)
    app.register_blueprint(blueprint)


@blueprint.app_context_processor
def _template_variables() -> dict[str, Any]:
    return {
        "formatting": formatting,
        "titled": reasons.titled,
        "explanation": reasons.explanation,
        "reference": masking.reference,
        "session": g.get("dashboard_session"),
        "user": g.get("dashboard_user"),
        "shop_names": current().shops,
        "asset": _asset,
        "navigation": NAVIGATION,
        "may_mute": may_mute,
    }


def _asset(name: str) -> str:
    """Return the URL of a static file; it changes when the file does."""
    return url_for("dashboard.static", filename=name, v=VERSIONS[name])
