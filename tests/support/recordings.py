"""The fixtures: recorded or documented deliveries, each with what must come of it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhook_app.config import shops
from webhook_app.inbox import Delivery
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import STOREFRONT
from webhook_app.signing.standard_webhooks import StandardWebhooks
from webhook_app.translation.translate import Payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.platforms.base import Envelope, Platform, StorefrontProxy

FOLDER = Path(__file__).parents[1] / "fixtures"
RECEIVED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Recorded:
    """One fixture folder."""

    platform: Platform
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.platform.name}/{self.folder.name}"

    @cached_property
    def body(self) -> bytes:
        return (self.folder / "body.raw").read_bytes()

    @property
    def sent_headers(self) -> dict[str, str]:
        headers: dict[str, str] = json.loads((self.folder / "headers.json").read_text())
        return headers

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.sent_headers.items()}

    @property
    def expected(self) -> dict[str, Any]:
        expected: dict[str, Any] = json.loads((self.folder / "expected.json").read_text())
        return expected

    @property
    def own_shop_keys(self) -> dict[str, Any]:
        own = self.folder / "shop.toml"
        return tomllib.loads(own.read_text()) if own.exists() else {}

    @cached_property
    def shop(self) -> shops.Shop:
        table = {**shop_keys(self.platform.name), **self.own_shop_keys}
        return shops.parse(as_toml("fixture", table), "shop.toml", all_platforms())["fixture"]

    @property
    def signed(self) -> bytes:
        """What the signature covers."""
        return self.body

    def verify(self, signed: bytes | None = None, secrets: Sequence[str] | None = None) -> Envelope:
        """Verify it as it came, or with something else signed, or to a shop with other secrets."""
        body, secrets = self.body if signed is None else signed, secrets or self.shop.secrets
        return self.platform.verify(body, self.headers, secrets)

    @cached_property
    def envelope(self) -> Envelope:
        """What its signature verified."""
        return self.verify()

    def delivery(self) -> Delivery:
        """The delivery as a worker would get it."""
        return claimed("fixture", self.platform.name, self.envelope.topic, self.body, RECEIVED_AT, self.envelope.domain)


@dataclass(frozen=True)
class Asked(Recorded):
    """A fixture folder of what a page asked through the platform's proxy: `asked.raw` is `<action>?<signed query>`."""

    @property
    def proxy(self) -> StorefrontProxy:
        assert self.platform.proxy
        return self.platform.proxy

    @property
    def action(self) -> str:
        return (self.folder / "asked.raw").read_text().partition("?")[0]

    @property
    def signed(self) -> bytes:
        return (self.folder / "asked.raw").read_bytes().partition(b"?")[2]

    @cached_property
    def body(self) -> bytes:
        return self._packed(self.signed, self.shop.secrets)[1]

    def verify(self, signed: bytes | None = None, secrets: Sequence[str] | None = None) -> Envelope:
        query = self.signed if signed is None else signed
        return self._packed(query, secrets or self.shop.secrets)[0]

    def _packed(self, query: bytes, secrets: Sequence[str]) -> tuple[Envelope, bytes]:
        parameters = self.proxy.verify(query, secrets, RECEIVED_AT.timestamp())
        return self.proxy.make_delivery(STOREFRONT + self.action, parameters, self.headers["user-agent"])


def payload_of(delivery: Delivery) -> Payload:
    return Payload(delivery.id, delivery.topic, delivery.received_at, delivery.body, delivery.domain)


def claimed(  # noqa: PLR0913, PLR0917 - a delivery has so many parts
    shop: str, platform: str, topic: str, body: bytes | None, arrived: datetime, domain: str = ""
) -> Delivery:
    """A delivery that was claimed for the first time, with the number 5."""
    return Delivery(
        id=5,
        shop=shop,
        platform=platform,
        topic=topic,
        received_at=int(arrived.timestamp() * 1000),
        due_at=0,
        claims=1,
        lapses=0,
        attempts=0,
        first_attempt_at=None,
        body=body,
        domain=domain,
    )


def shop_keys(platform: str) -> dict[str, Any]:
    """The shop that a platform's fixtures are made for."""
    keys: dict[str, Any] = tomllib.loads((FOLDER / platform / "shop.toml").read_text())["shops"]["fixture"]
    return keys


def as_toml(name: str, table: dict[str, Any]) -> str:
    """Write one shop as the TOML text a merchant would."""
    return "\n".join([f"[shops.{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {_value(inner)}' for key, inner in value.items())} }}"
    return json.dumps(value)


def with_fixed_clock(platform: Platform) -> Platform:
    """The platform while its fixtures arrive: the clock that a signature's time is compared with does not move."""
    if isinstance(platform.signature, StandardWebhooks):
        return replace(platform, signature=replace(platform.signature, clock=RECEIVED_AT.timestamp))
    return platform


def _found() -> list[Recorded]:
    return [
        (Asked if (folder / "asked.raw").exists() else Recorded)(with_fixed_clock(platform), folder)
        for name, platform in all_platforms().items()
        for folder in sorted((FOLDER / name).iterdir())
        if folder.is_dir()
    ]


_FOUND = _found()
# Webhooks, which are posted; those of them that are signed; and what pages ask through a proxy, in a signed query.
EVERY = [recorded for recorded in _FOUND if not isinstance(recorded, Asked)]
SIGNED = [recorded for recorded in EVERY if "ping" not in recorded.expected]
ASKED = [recorded for recorded in _FOUND if isinstance(recorded, Asked)]
ORDER = next(one for one in EVERY if one.name == "shopify/orders_create__note-attributes")
