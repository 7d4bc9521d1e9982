"""Wires the web process together."""

from __future__ import annotations

from flask import Flask

from webhook_app import openapi
from webhook_app.alerts import evaluator
from webhook_app.config import settings, shops
from webhook_app.inbox import Inbox
from webhook_app.inbox.spool import Spool
from webhook_app.observability import error_reporting, metrics, metrics_endpoint, tracing
from webhook_app.observability.metrics_page import MetricsPage
from webhook_app.platforms import all_platforms
from webhook_app.web import context, probes, responses, storefront, webhooks

BACKGROUND = "background"  # the tasks that gunicorn.conf.py starts and closes in each web process


def create_app() -> Flask:
    """Return the web process's app, made from the environment. Raises ConfigurationError."""
    config = settings.load()
    error_reporting.configure(config)
    platforms = all_platforms()
    app = Flask(__name__, static_folder=None)
    # Otherwise a doubled slash is answered with a redirect, which WooCommerce takes for success.
    app.url_map.merge_slashes = False
    meter, tracer = metrics.meter(config), tracing.configured(config)
    inbox = Inbox.configured(config, meter)
    spool = Spool(config.spool, inbox) if config.spool else None
    known = shops.load(platforms)
    shared = context.WebContext(inbox, known, platforms, config, spool=spool, meter=meter, tracer=tracer)
    app.extensions[context.NAME] = shared
    alerts = evaluator.configured(config, inbox, known)
    app.extensions[BACKGROUND] = [shared.activity, tracer, *([alerts] if alerts else [])]
    if spool:
        spool.start()
    responses.register_error_handlers(app)
    metrics_page = metrics_endpoint.blueprint(MetricsPage(inbox, known, meter, config.metrics_token))
    for blueprint in (webhooks.blueprint, probes.blueprint, storefront.blueprint, openapi.blueprint, metrics_page):
        app.register_blueprint(blueprint)
    if config.dashboard_password:
        from webhook_app.dashboard.registration import register  # noqa: PLC0415 - not loaded when it is off

        register(app, inbox, known, platforms, config)
    if config.trusted_proxies:
        from werkzeug.middleware.proxy_fix import ProxyFix  # noqa: PLC0415 - the same

        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app
