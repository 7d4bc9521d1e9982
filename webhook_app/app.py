"""The web process: wiring only."""

from __future__ import annotations

from flask import Flask

from webhook_app import logs, settings, shops
from webhook_app.inbox import Inbox
from webhook_app.inbox.spool import Spool
from webhook_app.platforms import all_platforms
from webhook_app.receiver import Receiver, blueprint


def create_app() -> Flask:
    """Make the receiver from the environment. Raises ConfigurationError."""
    config = settings.load()
    logs.configure(config.log_level, config.log_format)
    platforms = all_platforms()
    app = Flask(__name__, static_folder=None)
    # A doubled slash would be answered with a redirect, which WooCommerce takes for success.
    app.url_map.merge_slashes = False
    inbox = Inbox.configured(config)
    spool = Spool(config.spool, inbox) if config.spool else None
    app.extensions["receiver"] = Receiver(inbox, shops.load(platforms), platforms, config, spool)
    if spool:
        spool.start()
    app.register_blueprint(blueprint)
    return app
