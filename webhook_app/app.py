"""Wires the web process together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from flask import Flask, Response

from webhook_app import openapi
from webhook_app.alerts import evaluator
from webhook_app.config import configuration, network, settings
from webhook_app.config.watch import ConfigurationCheck
from webhook_app.health import probes
from webhook_app.health.evaluation import Health
from webhook_app.health.measure import Subject
from webhook_app.health.readiness import Readiness
from webhook_app.inbox import Inbox
from webhook_app.inbox.spool import Spool
from webhook_app.observability import error_reporting, metrics, metrics_endpoint, tracing
from webhook_app.observability.metrics_page import MetricsPage
from webhook_app.platforms import all_platforms
from webhook_app.web import context, handshake, responses, storefront, webhooks
from webhook_app.web.presence import WebPresence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.configuration import Configuration
    from webhook_app.config.shops import Shop
    from webhook_app.config.users import User

OPEN_DASHBOARD = "WEBHOOKS_OPEN_DASHBOARD"  # as in dashboard/local_access.py, which is not loaded without it
BACKGROUND = "background"  # the tasks that gunicorn.conf.py starts and closes in each web process


def create_app(loaded: Configuration | None = None) -> Flask:
    """Return the web process's app, by default made from the environment. Raises ConfigurationError."""
    config, known, known_users = loaded or configuration.load_for_web()
    network.share(config)
    error_reporting.configure(config)
    shared = _web_context(config, known)
    health = Health(Subject(config, shared.shops, shared.platforms, shared.inbox, ConfigurationCheck(for_web=True)))
    app = Flask(__name__, static_folder=None)
    # Otherwise a doubled slash is answered with a redirect, which WooCommerce takes for success.
    app.url_map.merge_slashes = False
    app.extensions[context.NAME] = shared
    app.extensions[BACKGROUND] = _background_tasks(config, shared, health)
    responses.register_error_handlers(app)
    app.after_request(_forbid_sniffing)
    _register_blueprints(app, config, shared, health, known_users)
    if config.trusted_proxies:
        from werkzeug.middleware.proxy_fix import ProxyFix  # noqa: PLC0415 - not loaded when it is off

        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _forbid_sniffing(response: Response) -> Response:
    """Forbid browsers to guess another type than the one an answer names."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _web_context(config: settings.Settings, known: Mapping[str, Shop]) -> context.WebContext:
    """Open the inbox, and the spool where there is one."""
    platforms = all_platforms()
    meter, tracer = metrics.meter(config), tracing.configured(config)
    inbox = Inbox.configured(config, meter.committed, meter.stored)
    spool = Spool(config.spool, inbox) if config.spool else None
    if spool:
        spool.start()
    return context.WebContext(inbox, known, platforms, config, spool=spool, meter=meter, tracer=tracer)


def _background_tasks(config: settings.Settings, shared: context.WebContext, health: Health) -> list[Any]:
    """Return what has start() and close(): among it activity, tracing, and alerts where they are configured."""
    alerts = evaluator.configured(config, shared.inbox, health, shared.shops)
    always = [WebPresence(shared.inbox), shared.activity, shared.refusals, shared.sampled_log, shared.tracer]
    return [*always, *([alerts] if alerts else [])]


def _register_blueprints(
    app: Flask,
    config: settings.Settings,
    shared: context.WebContext,
    health: Health,
    known_users: Mapping[str, User],
) -> None:
    page = MetricsPage(shared.inbox, shared.shops, shared.meter, config)
    for module in (webhooks, storefront, handshake, openapi):
        app.register_blueprint(module.blueprint)
    readiness = Readiness(config, shared.inbox, shared.spool)
    app.register_blueprint(probes.blueprint(readiness, health, config.metrics_token))
    if config.api_token:
        from webhook_app.api import endpoints, reads  # noqa: PLC0415 - not loaded when it is off

        read = reads.Reads(shared.inbox, shared.shops, shared.platforms, health, readiness)
        app.register_blueprint(endpoints.blueprint(read, config.api_token))
    app.register_blueprint(metrics_endpoint.blueprint(page))
    if config.dashboard_password or known_users or os.environ.get(OPEN_DASHBOARD):
        from webhook_app.dashboard.registration import register  # noqa: PLC0415 - not loaded when it is off

        register(app, shared.inbox, shared.shops, shared.platforms, known_users, config, health)
