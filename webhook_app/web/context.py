"""The objects that all endpoints of a web process share; create_app() makes them once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, request

from webhook_app import logs
from webhook_app.green_threads import VERIFIED
from webhook_app.inbox.sealing import Sealer
from webhook_app.web.activity import ActivityRecorder
from webhook_app.web.rate_limit import RateLimiter
from webhook_app.web.refusals import Refusals
from webhook_app.web.request_body import BodyReader
from webhook_app.web.sampled_log import SampledLog
from webhook_app.web.shop_secrets import ShopSecrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.spool import Spool
    from webhook_app.instrumentation import Meter, Tracer
    from webhook_app.platforms.base import Platform

NAME = "webhooks"
STORING_ENDPOINTS = ("webhooks.receive", "storefront.event")  # their refusals are counted by shop


class WebContext:
    """The shared objects of one process, stored in the app as `extensions["webhooks"]`."""

    def __init__(  # noqa: PLR0913 - everything that the endpoints need
        self,
        inbox: Inbox,
        shops: Mapping[str, Shop],
        platforms: Mapping[str, Platform],
        config: Settings,
        *,
        spool: Spool | None,
        meter: Meter,
        tracer: Tracer,
    ) -> None:
        """All objects are shared by the threads of the process."""
        self.inbox, self.shops, self.platforms = inbox, shops, platforms
        self.meter, self.tracer = meter, tracer
        self.spool = spool
        self.store = spool.store if spool else inbox.store
        self.shop_secrets = ShopSecrets(inbox, Sealer(config.secrets_key) if config.secrets_key else None)
        self.public_url = config.public_url
        self.activity = ActivityRecorder(inbox, shops, meter)
        self.rate_limiter = RateLimiter(config.visitor_rate, config.shop_rate)
        self.trusted_proxies = config.trusted_proxies
        self.body_reader = BodyReader(config.max_body)
        self.refusals = Refusals(inbox, config.keep_refused)
        self.log, self.sampled_log = logs.logger(), SampledLog()

    def find(self, platform: str, shop: str) -> tuple[Platform, Shop] | None:
        """Return the platform and the shop that a URL names, None if either does not exist."""
        known = self.shops.get(shop)
        return (self.platforms[platform], known) if known and known.platform == platform else None

    def requested_shop(self) -> Shop | None:
        """Return the shop that the current request is for, None if its URL names none."""
        arguments = (request.view_args or {}) if request.endpoint in STORING_ENDPOINTS else {}
        shop = self.shops.get(arguments.get("shop", ""))
        return shop if shop and shop.platform == arguments["platform"] else None


def mark_verified() -> None:
    """Note that the current request was verified: its connection is then the last to make room for others."""
    request.environ[VERIFIED] = True


def current() -> WebContext:
    """Return the context of the current app."""
    context: WebContext = current_app.extensions[NAME]
    return context
