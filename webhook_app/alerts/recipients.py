"""Who receives alerts: the addresses of ALERT_URL get all of them, those of a shop's `alert_url` the shop's own."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from webhook_app.alerts.apprise_sender import AppriseSender
from webhook_app.alerts.notifier import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from webhook_app.alerts.messages import AlertMessage
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop


# Addresses as the services show them. Teams accepts any JSON and then shows nothing.
CHAT = re.compile(
    r"https://(?:(?:www\.)?discord(?:app)?\.com/api/webhooks/|[\w.-]+\.(?:logic\.azure|\w+platform)\.[^?#]*/workflows/)",
    re.IGNORECASE,
)
SLACK = re.compile(r"https://hooks\.slack\.com/services/", re.IGNORECASE)


class Sender(Protocol):
    """Sends messages to one address."""

    def send(self, message: AlertMessage, proceed: Callable[[], bool] = lambda: True) -> bool:
        """Return whether the message was accepted; `proceed` is asked before each attempt, and False ends them."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address. `name` identifies it without revealing it; `shop` is whose alerts it gets, "" for all."""

    name: str
    shop: str
    sender: Sender


def configured(config: Settings, shops: Mapping[str, Shop]) -> list[Recipient]:
    """Return the recipients of the settings and of the shops."""
    return [*_recipients(config, config.alert_url or "", "")] + [
        recipient for shop in shops.values() for recipient in _recipients(config, " ".join(shop.alert_url), shop.name)
    ]


def _recipients(config: Settings, addresses: str, shop: str) -> Iterator[Recipient]:
    for number, address in enumerate(addresses.split()):
        # The first of ALERT_URL has no name, as in earlier versions: what is active stays so after an update.
        digest = hashlib.sha256(address.encode()).hexdigest()[:8] if shop or number else ""
        yield Recipient(f"{shop} {digest}".strip(), shop, sender(config, address))


def sender(config: Settings, address: str) -> Sender:
    """Return what sends to an address."""
    if address.lower().startswith(("http://", "https://")) and not CHAT.match(address):
        return Notifier(address, "slack" if SLACK.match(address) else config.alert_format, config.alert_secret)
    return AppriseSender(address)
