"""Compares the platform's webhooks for this receiver with those that are needed, and creates or corrects them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from webhook_app.sources.own_webhooks import for_shop, path_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform
    from webhook_app.sources.base import Connection, PlatformWebhook


class Action(StrEnum):
    """What is to be done about one topic, or one webhook."""

    FINE = "fine"
    CREATE = "create"
    ENABLE = "enable"
    MOVE = "correct the address"
    DOUBLE = "double"


@dataclass(frozen=True, slots=True)
class Step:
    """One topic: what to do, and the webhook that is there, None for one to create."""

    topic: str
    action: Action
    webhook: PlatformWebhook | None = None

    @property
    def is_change(self) -> bool:
        """Whether something is to be done, and can be."""
        return self.action not in {Action.FINE, Action.DOUBLE}


def url_of(base: str, shop: Shop) -> str:
    """Return a shop's webhook URL at the receiver's public address."""
    return base.rstrip("/") + path_of(shop)


def plan(webhooks: Sequence[PlatformWebhook], shop: Shop, platform: Platform, url: str) -> list[Step]:
    """Return a step for each needed topic, and one for each webhook that sends the same a second time.

    Raises nothing; a webhook for another shop of this receiver is none of these.
    """
    steps: list[Step] = []
    own = for_shop(webhooks, shop)
    for topic in (one.name for one in platform.topics if one.subscribe and not one.storefront):
        there = [one for one in own if platform.topic_name(one.topic) == topic]
        # One that already has the right address first, then one that is active.
        there.sort(key=lambda one: (not _is_at(one, url), not one.is_active))
        if not there:
            steps.append(Step(topic, Action.CREATE))
            continue
        first, *others = there
        steps.append(Step(topic, _action(first, url), first))
        steps += [Step(topic, Action.DOUBLE, one) for one in others]
    return steps


def apply(connection: Connection, steps: Sequence[Step], shop: Shop, url: str) -> None:
    """Carry out the steps, and set the newest secret wherever there is a webhook. Raises SourceError."""
    for step in steps:
        if step.action is Action.CREATE:
            connection.create_webhook(step.topic, url, shop.secrets[0])
        elif step.webhook and step.action is not Action.DOUBLE:
            # The API never shows a secret: it is set, whether it was right or not.
            connection.repair_webhook(step.webhook, url if step.action is Action.MOVE else None, shop.secrets[0])


def _action(webhook: PlatformWebhook, url: str) -> Action:
    if not _is_at(webhook, url):
        return Action.MOVE
    return Action.FINE if webhook.is_active else Action.ENABLE


def _is_at(webhook: PlatformWebhook, url: str) -> bool:
    """Return whether it posts to a URL: to exactly that, since a redirect loses events."""
    return webhook.url.rstrip("/") == url
