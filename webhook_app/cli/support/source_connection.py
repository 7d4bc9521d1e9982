"""Opens the connection to a shop's API for a command."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms
from webhook_app.sources import all_sources
from webhook_app.sources.comparison import Comparison
from webhook_app.sources.registered import with_apis
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.sources.base import Connection


def shop_with_api(known: Mapping[str, Shop], name: str) -> Shop:
    """Return the shop of that name. Raises a usage error where it is not configured, or has no `api`."""
    if name not in known:
        raise click.BadParameter(f"no shop {name} is configured; there are {', '.join(known)}", param_hint="--shop")
    shop = known[name]
    if shop.api is None:
        raise click.ClickException(
            f"shops.{name} has no API configured: add the table [shops.{name}.api], see docs/reconciliation.md."
        )
    return shop


def load() -> tuple[Settings, Mapping[str, Shop]]:
    """Return the settings and the shops, with the API of those whose app has registered itself."""
    config, known = configuration.load()
    if not any(shop.app_secret for shop in known.values()):
        return config, known
    with closing(Inbox.configured(config)) as inbox:
        return config, with_apis(known, inbox, config.secrets_key)


def connect(shop: Shop, rate: float) -> Connection:
    """Return the connection of a shop that has `api`."""
    return all_sources()[shop.platform].connect(shop, rate)


def comparison(config: Settings, inbox: Inbox, shop: Shop) -> Comparison:
    """Return what a pass over the shop's orders needs."""
    return Comparison(inbox, shop, all_platforms(), ages(config))


def ages(config: Settings) -> AgeLimits:
    """Return the age limits of the settings."""
    return AgeLimits(config.max_order_age, config.max_age, config.keep_rows)
