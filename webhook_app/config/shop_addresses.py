"""Finds shops whose webhooks may be another's: several addresses, or a secret that two shops have. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform

    Addresses = Mapping[str, Sequence[str]]  # by shop, in normal form, the busiest first

MOST_SHOWN = 5  # addresses in a sentence


@dataclass(frozen=True, slots=True)
class AddressProblem:
    """A sentence about a shop, and what to write into its table of the configuration; `other`: a shop it names."""

    shop: str
    text: str
    line: str
    other: str = ""

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
    """Yield the shops that have a secret of another one and accept every address."""
    for pair in combinations(shops.values(), 2):
        shares_app = pair[0].app_secret is not None and pair[0].app_secret == pair[1].app_secret
        if set(pair[0].secrets).isdisjoint(pair[1].secrets) and not shares_app:
            continue
        for shop, other in (pair, pair[::-1]):
            if shop.domain:
                continue
            what = "registration" if shares_app else "webhook"
            text = f"{shop.name} has a secret that {other.name} has too: a {what} of one passes for the other."
            yield AddressProblem(shop.name, text, _own_line(shop, platforms[shop.platform], seen), other.name)


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
