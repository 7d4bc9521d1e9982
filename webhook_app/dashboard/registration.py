"""Putting the dashboard into the web process."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import g, url_for
from jinja2 import StrictUndefined

from webhook_app.dashboard import formatting
from webhook_app.dashboard.access import gate
from webhook_app.dashboard.context import Dashboard
from webhook_app.dashboard.pages import accounting, audit_log, deliveries, delivery, overview, setup
from webhook_app.dashboard.sessions import Sessions
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform

# Importing a page puts it on the blueprint.
PAGES = (overview, deliveries, delivery, accounting, setup, audit_log)
STATIC = Path(__file__).with_name("static")


def register(
    app: Flask, inbox: Inbox, shops: Mapping[str, Shop], platforms: Mapping[str, Platform], config: Settings
) -> None:
    """Put the pages under /dashboard; DASHBOARD_PASSWORD must be set."""
    sessions = Sessions(config.dashboard_password or "")
    ages = AgeLimits(config.max_order_age, config.max_age)
    app.extensions["dashboard"] = Dashboard(inbox, shops, platforms, sessions, ages, config.tweakwise_url)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(gate)


@gate.app_context_processor
def _known() -> dict[str, Any]:
    """Return what every template may use."""
    return {"words": formatting, "session": g.get("dashboard_session"), "asset": _asset}


def _asset(name: str) -> str:
    """Return the URL of a file of ours, which changes when the file does."""
    return url_for("dashboard.static", filename=name, v=VERSIONS[name])


VERSIONS = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:10] for file in STATIC.iterdir()}
