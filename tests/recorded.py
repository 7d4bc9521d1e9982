"""The fixtures: recorded or documented deliveries, each with what must come of it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhook_app import shops
from webhook_app.inbox import Delivery
from webhook_app.platforms import all_platforms
from webhook_app.standard_webhooks import StandardWebhooks

if TYPE_CHECKING:
    from webhook_app.platform import Platform

FOLDER = Path(__file__).with_name("fixtures")
RECEIVED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Recorded:
    """One fixture folder."""

    platform: Platform
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.platform.name}/{self.folder.name}"

    @property
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

    @property
    def shop(self) -> shops.Shop:
        table = {**shop_keys(self.platform.name), **self.own_shop_keys}
        return shops.parse(as_toml("fixture", table), "shop.toml", all_platforms())["fixture"]

    def delivery(self) -> Delivery:
        """The delivery as a worker would get it."""
        envelope = self.platform.prove(self.body, self.headers, self.shop.secrets)
        return claimed("fixture", self.platform.name, envelope.topic, self.body, RECEIVED_AT)


def claimed(shop: str, platform: str, topic: str, body: bytes | None, arrived: datetime) -> Delivery:
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
    )


def shop_keys(platform: str) -> dict[str, Any]:
    """The shop that a platform's fixtures are made for."""
    keys: dict[str, Any] = tomllib.loads((FOLDER / platform / "shop.toml").read_text())["shops"]["fixture"]
    return keys


def as_toml(name: str, table: dict[str, Any]) -> str:
    """Write one shop as the TOML text a merchant would."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"[shops.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in plain.items())]
    for key, inner in table.items():
        if isinstance(inner, dict):
            lines += [f"[shops.{name}.{key}]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in inner.items())]
    return "\n".join(lines) + "\n"


def standing(platform: Platform) -> Platform:
    """The platform while its fixtures arrive: a signature that looks at the clock finds it standing."""
    if isinstance(platform.signature, StandardWebhooks):
        return replace(platform, signature=replace(platform.signature, clock=RECEIVED_AT.timestamp))
    return platform


def every() -> list[Recorded]:
    """Every fixture of every platform."""
    return [
        Recorded(standing(platform), folder)
        for name, platform in all_platforms().items()
        for folder in sorted((FOLDER / name).iterdir())
        if folder.is_dir()
    ]


EVERY = every()
SIGNED = [recorded for recorded in EVERY if "ping" not in recorded.expected]
