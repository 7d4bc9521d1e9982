"""The webhooks for this receiver, as the platform lists them: which are disabled, and enabling them again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhook_app import logs
from webhook_app.errors import SourceError
from webhook_app.inbox.shop_records.reconciliations import WebhookStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhook_app.config.shops import Shop
    from webhook_app.sources.base import Connection, PlatformWebhook


def path_of(shop: Shop) -> str:
    """Return the path of a shop's webhook URL."""
    return f"/webhooks/{shop.platform}/{shop.name}"


def for_shop(webhooks: Iterable[PlatformWebhook], shop: Shop) -> list[PlatformWebhook]:
    """Return the webhooks that are for this receiver, by the path of their address, whatever its host."""
    return [one for one in webhooks if urlsplit(one.url).path.rstrip("/").endswith(path_of(shop))]


def look(connection: Connection, shop: Shop) -> list[WebhookStatus] | None:
    """Return the state of the shop's webhooks, None where the API does not show it.

    Those that the platform disabled are enabled again where the shop wants it (`repair_webhooks`).
    """
    try:
        found = for_shop(connection.webhooks(), shop)
        return [_looked(connection, shop, one) for one in found]
    except SourceError as error:
        logs.logger().warning("webhooks_not_listed", shop=shop.name, reason=error.reason, hint=str(error))
        return None


def _looked(connection: Connection, shop: Shop, webhook: PlatformWebhook) -> WebhookStatus:
    repairs = bool(webhook.was_disabled and shop.api and shop.api.repair_webhooks)
    if webhook.was_disabled:
        logs.logger().warning("webhook_disabled", shop=shop.name, topic=webhook.topic, repaired=repairs)
    if repairs:
        connection.repair_webhook(webhook)
    return WebhookStatus(webhook.topic, webhook.status, webhook.is_active, repaired=repairs)
