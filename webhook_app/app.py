"""The web process: wiring only."""

from __future__ import annotations

from flask import Flask

from webhook_app import openapi
from webhook_app.alerts import evaluator
from webhook_app.config import settings, shops
from webhook_app.inbox import Inbox
from webhook_app.inbox.spool import Spool
from webhook_app.observability import error_reporting
from webhook_app.platforms import all_platforms
from webhook_app.web import storefront
from webhook_app.web.webhooks import Receiver, blueprint


def create_app() -> Flask:
    """Make the receiver from the environment. Raises ConfigurationError."""
    config = settings.load()
    error_reporting.configure(config)
    platforms = all_platforms()
    app = Flask(__name__, static_folder=None)
    # A doubled slash would be answered with a redirect, which WooCommerce takes for success.
    app.url_map.merge_slashes = False
    inbox = Inbox.configured(config)
    spool = Spool(config.spool, inbox) if config.spool else None
    known = shops.load(platforms)
    app.extensions["receiver"] = receiver = Receiver(inbox, known, platforms, config, spool)
    told = evaluator.configured(config, inbox, known)
    # What gunicorn.conf.py starts in each web process, and closes.
    app.extensions["parts"] = [receiver.activity, receiver.traces, *([told] if told else [])]
    if spool:
        spool.start()
    app.register_blueprint(blueprint)
    app.register_blueprint(storefront.blueprint)
    app.register_blueprint(openapi.blueprint)
    if config.dashboard_password:
        from webhook_app.dashboard.registration import register  # noqa: PLC0415 - costs nothing where it is off

        register(app, inbox, known, platforms, config)
    if config.trusted_proxies:
        from werkzeug.middleware.proxy_fix import ProxyFix  # noqa: PLC0415 - the same

        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app
