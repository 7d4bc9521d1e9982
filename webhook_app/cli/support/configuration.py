"""Loads the configuration for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webhook_app.config import configuration, network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop


def load(*, for_web: bool = False) -> tuple[Settings, dict[str, Shop]]:
    """Return the settings and the shops, as configuration.load() does, and let connections follow them."""
    config, known = configuration.load(for_web=for_web)
    network.share(config)
    return config, known


def chosen_shops(known: Mapping[str, Shop], name: str | None) -> Mapping[str, Shop]:
    """Return all shops, or the one that --shop names. Raises BadParameter where it is not configured."""
    if name is None:
        return known
    if name not in known:
        raise click.BadParameter(f"no shop {name} is configured; there are {', '.join(known)}", param_hint="--shop")
    return {name: known[name]}
