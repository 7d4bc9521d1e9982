"""The secrets that verify a shop's webhooks: those of the configuration, and those of its app's registration.

A process reads a registration again when it is some seconds old, and at a signature that does not match: another
process may have made a new secret. The latter happens once a second at most, whatever anyone sends.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from webhook_app.errors import BadSignatureError, StoreUnavailableError
from webhook_app.inbox.shop_records import registrations
from webhook_app.platforms import registration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.sealing import Sealer
    from webhook_app.platforms.base import Envelope, Platform
    from webhook_app.platforms.registration import Registration

READ_AFTER = 5.0  # seconds
READ_ONCE_IN = 1.0  # seconds, where signatures do not match


class _Read(NamedTuple):
    registration: Registration
    at: float  # monotonic seconds


class ShopSecrets:
    """Verifies webhooks of shops whose app registers itself; its methods may be called from any thread."""

    def __init__(self, inbox: Inbox, sealer: Sealer | None) -> None:
        """`sealer` is None without SECRETS_KEY: then only the secrets of the configuration count."""
        self._inbox, self.sealer = inbox, sealer
        self._known: dict[str, _Read] = {}

    def verify(self, platform: Platform, shop: Shop, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Verify a webhook; raises BadSignatureError, and StoreUnavailableError where a registration cannot be read."""
        if platform.handshake is None or shop.app_secret is None:
            return platform.verify(body, headers, shop.secrets)
        try:
            return platform.verify(body, headers, self._secrets(shop, READ_AFTER))
        except BadSignatureError as error:
            if error.reason != "signature_mismatch" or not self._is_older(shop, READ_ONCE_IN):
                raise
        return platform.verify(body, headers, self._secrets(shop, READ_ONCE_IN))

    def newest(self, shop: Shop) -> str | None:
        """Return a secret with which a webhook is accepted, None without any. Raises StoreUnavailableError."""
        found = shop.secrets if shop.secrets or shop.app_secret is None else self._secrets(shop, READ_AFTER)
        return next(iter(found), None)

    def change(self, shop: Shop, sealer: Sealer, decide: Callable[[Registration], Registration]) -> Registration:
        """Store a change of a shop's registration, which this process knows at once. Raises what `decide` raises."""
        changed = registrations.change(self._inbox, sealer, shop.name, decide)
        self._known[shop.name] = _Read(changed, time.monotonic())
        return changed

    def removed(self, shop: Shop, secret_index: int) -> bool:
        """Store that the app was removed, as a webhook with that secret reports; False where it is an old secret."""
        if self.sealer is None or shop.app_secret is None or secret_index != len(shop.secrets):
            return False
        signed_with = self._read(shop).secret
        found = self.change(
            shop,
            self.sealer,
            lambda known: registration.removed(known, time.time()) if known.secret == signed_with else known,
        )
        return not found.secret

    def _secrets(self, shop: Shop, not_older: float) -> tuple[str, ...]:
        if self._is_older(shop, not_older):
            try:
                self._read(shop)
            except StoreUnavailableError:
                if shop.name not in self._known:
                    raise
        return (*shop.secrets, *self._known[shop.name].registration.secrets(time.time()))

    def _is_older(self, shop: Shop, seconds: float) -> bool:
        read = self._known.get(shop.name)
        return read is None or time.monotonic() - read.at >= seconds

    def _read(self, shop: Shop) -> Registration:
        found = registrations.find(self._inbox, self.sealer, shop.name)
        self._known[shop.name] = _Read(found, time.monotonic())
        return found
