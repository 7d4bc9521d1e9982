"""Shops whose app has registered itself: the registration holds the credentials of their API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhook_app.config.shop_api import ShopApi
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import registrations
from webhook_app.inbox.sealing import Sealer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox


def with_apis(shops: Mapping[str, Shop], inbox: Inbox, secrets_key: str | None) -> dict[str, Shop]:
    """Return the shops, with the API of a registration where a shop has one and no table `api`. Raises nothing."""
    sealer = Sealer(secrets_key) if secrets_key else None
    return {name: _with_api(shop, inbox, sealer) for name, shop in shops.items()}


def _with_api(shop: Shop, inbox: Inbox, sealer: Sealer | None) -> Shop:
    if shop.api or shop.app_secret is None or sealer is None:
        return shop
    try:
        found = registrations.find(inbox, sealer, shop.name)
    except StoreUnavailableError:
        return shop
    if not found.secret or not found.api_key:
        return shop
    api = ShopApi(found.shop_url.rstrip("/"), client_id=found.api_key, client_secret=found.api_secret)
    return replace(shop, api=api)
