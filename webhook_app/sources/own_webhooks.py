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
    return [one for one in webhooks if _path(one.url).rstrip("/").endswith(path_of(shop))]


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # what anyone may have written there
        return ""


def look(connection: Connection, shop: Shop) -> list[WebhookStatus] | None:
    """Return the state of the shop's webhooks, None where the API does not show it.

    Those that the platform disabled are enabled again where the shop wants it (`repair_webhooks`).
    """
    try:
        found = for_shop(connection.webhooks(), shop)
    except SourceError as error:
        logs.logger().warning("webhooks_not_listed", shop=shop.name, reason=error.reason, hint=str(error))
        return None
    return [_looked(connection, shop, one) for one in found]


def _looked(connection: Connection, shop: Shop, webhook: PlatformWebhook) -> WebhookStatus:
    repairs = bool(webhook.was_disabled and shop.api and shop.api.repair_webhooks)
    failure = _repair(connection, shop, webhook) if repairs else ""
    repaired = repairs and not failure
    if webhook.was_disabled:
        logs.logger().warning("webhook_disabled", shop=shop.name, topic=webhook.topic, repaired=repaired)
    status = f"{webhook.status}; enabling it failed: {failure}" if failure else webhook.status
    return WebhookStatus(webhook.topic, status, webhook.is_active, repaired=repaired)


def _repair(connection: Connection, shop: Shop, webhook: PlatformWebhook) -> str:
    """Enable a webhook again; returns why that failed, "" where it did not."""
    try:
        connection.repair_webhook(webhook)
    except SourceError as error:
        logs.logger().warning(
            "webhook_repair_failed", shop=shop.name, topic=webhook.topic, reason=error.reason, hint=str(error)
        )
        return error.reason
    return ""
