"""What is needed to connect a shop: its webhook URL, the topics, and the secrets that are in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from webhook_app.dashboard.context import current
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.signing.base import fingerprint

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop
    from webhook_app.inbox.counting.activity import ActivityTotal
    from webhook_app.platforms.base import Platform, Topic


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One secret by its fingerprint: how many webhooks it verified, and when the last one."""

    fingerprint: str
    newest: bool
    count: int
    last_at: int | None


@dataclass(frozen=True, slots=True)
class ShopGuide:
    """What is needed to connect one shop; `has_app`: an app that registers itself can be made for it."""

    shop: Shop
    platform: Platform
    url: str
    topics: tuple[Topic, ...]
    secrets: tuple[SecretUse, ...]
    has_app: bool


def public_url() -> str:
    """Return the receiver's public address: PUBLIC_URL, else the address of this page."""
    return current().public_url or request.host_url.rstrip("/")


def guide(shop: Shop) -> ShopGuide:
    """Return it for a shop. Raises StoreUnavailableError."""
    platform = current().platforms[shop.platform]
    used = {one.name: one for one in activity.last_seen(current().inbox, ActivityKind.SECRET, shop.name)}
    names = [fingerprint(secret) for secret in shop.secrets]
    return ShopGuide(
        shop,
        platform,
        f"{public_url()}/webhooks/{shop.platform}/{shop.name}",
        tuple(topic for topic in platform.topics if topic.subscribe),
        tuple(_secret(name, used.get(name), newest=name == names[0]) for name in names),
        platform.handshake is not None and shop.app_secret is not None,
    )


def _secret(name: str, seen: ActivityTotal | None, *, newest: bool) -> SecretUse:
    return SecretUse(name, newest, seen.count if seen else 0, seen.last_at if seen else None)
