"""Finds shops whose webhooks may be another's: several addresses, or a secret that two shops have. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform

    Addresses = Mapping[str, Sequence[str]]  # by shop, in normal form, the busiest first

MOST_SHOWN = 5  # addresses or shops in a sentence


@dataclass(frozen=True, slots=True)
class AddressProblem:
    """A sentence about a shop, and what to write into its table of the configuration.

    `others` are shops that have its secret; a `what` of one of them, webhook or registration, passes for its own.
    """

    shop: str
    text: str
    line: str
    what: str = ""
    others: tuple[str, ...] = ()

    @property
    def advice(self) -> str:
        """What to do, in a sentence."""
        return f"Write into [shops.{self.shop}]: {self.line}"


def problems(shops: Mapping[str, Shop], platforms: Mapping[str, Platform], seen: Addresses) -> list[AddressProblem]:
    """Return every problem of the shops; `seen` are the addresses that sent webhooks to each."""
    return [*several_addresses(shops, seen), *shared_secrets(shops, platforms, seen)]


def several_addresses(shops: Mapping[str, Shop], seen: Addresses) -> Iterator[AddressProblem]:
    """Yield the shops that other addresses send for than their `domain`, or more than one where there is none."""
    for shop in shops.values():
        addresses = seen.get(shop.name, ())
        others = [address for address in addresses if address not in shop.domain]
        if shop.domain and others:
            text = f"{shop.name} ignores webhooks from {_listed(others)} (other_shop). If that is the shop too, add it."
            yield AddressProblem(shop.name, text, _line([*shop.domain, *others[:MOST_SHOWN]]))
        elif len(others) > 1 and not _is_one_installation(shop):
            text = (
                f"{shop.name} receives webhooks from {len(others)} addresses ({_listed(others)}), and the orders of "
                "each count: one may be a copy for tests, or another shop. Name the shop's own."
            )
            yield AddressProblem(shop.name, text, _line(others[:1]))


def _is_one_installation(shop: Shop) -> bool:
    """Return whether only one installation has the secret: its address changed, and it registered again."""
    return shop.app_secret is not None and not shop.secrets


def shared_secrets(
    shops: Mapping[str, Shop], platforms: Mapping[str, Platform], seen: Addresses
) -> Iterator[AddressProblem]:
    """Yield the shops that have a secret of others and accept every address, each once."""
    by_app = _having({shop.name: [shop.app_secret] for shop in shops.values() if shop.app_secret is not None})
    by_secret = _having({shop.name: shop.secrets for shop in shops.values()})
    for shop in shops.values():
        if shop.domain:
            continue
        of_app = {name: None for name in by_app.get(shop.app_secret or "", ()) if name != shop.name}
        having = {name: None for secret in shop.secrets for name in by_secret[secret]}
        of_secret = [name for name in having if name != shop.name and name not in of_app]
        for what, others in (("registration", [*of_app]), ("webhook", of_secret)):
            if others:
                yield _shared(shop, what, others, _own_line(shop, platforms[shop.platform], seen))


def _having(secrets: Mapping[str, Sequence[str]]) -> Mapping[str, list[str]]:
    """Return the names of the shops that have each secret."""
    having: defaultdict[str, list[str]] = defaultdict(list)
    for name, some in secrets.items():
        for secret in some:
            having[secret].append(name)
    return having


def _shared(shop: Shop, what: str, others: Sequence[str], line: str) -> AddressProblem:
    have, other = ("has", "other") if len(others) == 1 else ("have", "others")
    text = f"{shop.name} has a secret that {_listed(others)} {have} too: a {what} of one passes for the {other}."
    return AddressProblem(shop.name, text, line, what, tuple(others))


def _own_line(shop: Shop, platform: Platform, seen: Addresses) -> str:
    """Return the line that pins a shop to its busiest address, or gives it a secret of its own where it has none."""
    if not platform.names_domain:
        return 'secrets = ["<a secret of its own>"]'
    return _line([*seen.get(shop.name, ())][:1] or [f"<address of {shop.name}>"])


def _line(addresses: Sequence[str]) -> str:
    return f"domain = {json.dumps(addresses[0] if len(addresses) == 1 else addresses)}"


def _listed(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - MOST_SHOWN} more" if len(addresses) > MOST_SHOWN else ""
    return ", ".join(addresses[:MOST_SHOWN]) + more
