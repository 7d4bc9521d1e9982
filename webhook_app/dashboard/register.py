"""Putting the dashboard into the web process."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import g, url_for
from jinja2 import StrictUndefined

from webhook_app.dashboard import (
    accounting_page,
    audit_page,
    deliveries_page,
    delivery_page,
    overview_page,
    setup_page,
    words,
)
from webhook_app.dashboard.context import Dashboard
from webhook_app.dashboard.gate import gate
from webhook_app.dashboard.sessions import Sessions
from webhook_app.translate import Ages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from webhook_app.inbox import Inbox
    from webhook_app.platform import Platform
    from webhook_app.settings import Settings
    from webhook_app.shops import Shop

# Importing a page puts it on the blueprint.
PAGES = (overview_page, deliveries_page, delivery_page, accounting_page, setup_page, audit_page)
STATIC = Path(__file__).with_name("static")


def register(
    app: Flask, inbox: Inbox, shops: Mapping[str, Shop], platforms: Mapping[str, Platform], config: Settings
) -> None:
    """Put the pages under /dashboard; DASHBOARD_PASSWORD must be set."""
    sessions = Sessions(config.dashboard_password or "")
    ages = Ages(config.max_order_age, config.max_age)
    app.extensions["dashboard"] = Dashboard(inbox, shops, platforms, sessions, ages, config.tweakwise_url)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(gate)


@gate.app_context_processor
def _known() -> dict[str, Any]:
    """Return what every template may use."""
    return {"words": words, "session": g.get("dashboard_session"), "asset": _asset}


def _asset(name: str) -> str:
    """Return the URL of a file of ours, which changes when the file does."""
    return url_for("dashboard.static", filename=name, v=VERSIONS[name])


VERSIONS = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:10] for file in STATIC.iterdir()}
