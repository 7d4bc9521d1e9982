"""Reads for a command the secrets that the app of a shop agreed with the receiver."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from webhook_app.config import settings
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox.sealing import Sealer
from webhook_app.inbox.shop_records import registrations

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop


def added(shop: Shop) -> Shop:
    """Return the shop with those secrets behind the listed ones; the shop itself where it has no app.

    Raises ClickException where it has no secret at all: not registered yet, or not readable.
    """
    if shop.app_secret is None:
        return shop
    fault, found = _registered(shop)
    if not (secrets := (*shop.secrets, *found)):
        raise click.ClickException(fault)
    return replace(shop, secrets=secrets)


def _registered(shop: Shop) -> tuple[str, tuple[str, ...]]:
    """Return why there are no secrets, and the secrets that sign webhooks now."""
    config = settings.load()
    if not config.secrets_key:
        return f"The secrets of {shop.name} are encrypted: set SECRETS_KEY as for the receiver.", ()
    try:
        with closing(Inbox.configured(config)) as inbox:
            found = registrations.find(inbox, Sealer(config.secrets_key), shop.name).secrets(time.time())
    except StoreUnavailableError as error:
        return str(error), ()
    return f"The app of {shop.name} has not registered itself yet: install it in the shop.", found
