"""Shops whose app has registered itself: the registration holds the credentials of their API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from webhook_app.config.shop_api import ShopApi
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.sealing import Sealer
from webhook_app.inbox.shop_records import registrations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox


def with_apis(shops: Mapping[str, Shop], inbox: Inbox, secrets_key: str | None) -> dict[str, Shop]:
    """Return the shops, with the API of a registration where a shop has one and no table `api`. Raises nothing."""
    with suppress(StoreUnavailableError):
        return RegisteredShops(shops, inbox, secrets_key).current()
    return dict(shops)


class RegisteredShops:
    """The shops with the APIs of their registrations, which are read again when they change; for one thread."""

    def __init__(self, shops: Mapping[str, Shop], inbox: Inbox, secrets_key: str | None) -> None:
        """Nothing is read yet; without `secrets_key` no registration can be."""
        self._shops, self._inbox = shops, inbox
        self._sealer = Sealer(secrets_key) if secrets_key else None
        self._apis: dict[str, tuple[int, ShopApi | None]] = {}

    def current(self) -> dict[str, Shop]:
        """Return the shops as they are now. Raises StoreUnavailableError."""
        waiting = [one.name for one in self._shops.values() if one.api is None and one.app_secret is not None]
        if not waiting or self._sealer is None:
            return dict(self._shops)
        versions = registrations.versions(self._inbox)
        for name in waiting:
            self._read(name, versions.get(name, 0), self._sealer)
        return {name: replace(shop, api=shop.api or self._api(name)) for name, shop in self._shops.items()}

    def _api(self, name: str) -> ShopApi | None:
        return self._apis.get(name, (0, None))[1]

    def _read(self, name: str, version: int, sealer: Sealer) -> None:
        if self._apis.get(name, (0, None))[0] == version:
            return
        try:
            found = registrations.find(self._inbox, sealer, name)
        except StoreUnavailableError:  # it cannot be decrypted; the health checks name that
            self._apis.pop(name, None)
            return
        api = ShopApi(found.shop_url.rstrip("/"), client_id=found.api_key, client_secret=found.api_secret)
        self._apis[name] = version, api if found.secret and found.api_key else None
