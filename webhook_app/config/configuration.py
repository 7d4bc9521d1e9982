"""Settings, shops and users as a whole: the faults of all of them are reported together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from webhook_app.config import env_file, settings, shops, users
from webhook_app.errors import ConfigurationError
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.config.users import User


class Configuration(NamedTuple):
    """All that the receiver was configured with."""

    settings: Settings
    shops: dict[str, Shop]
    users: Mapping[str, User]


def load(*, for_web: bool = False, environ: Mapping[str, str] | None = None) -> tuple[Settings, dict[str, Shop]]:
    """Return the settings and the shops. Raises ConfigurationError with all faults together.

    `for_web`: the dashboard's password and users are validated too; a worker may have none of the variables of these.
    `environ` is another environment than that of this process.
    """
    config, known, _ = _loaded(for_web=for_web, environ=environ)
    return config, known


def load_for_web() -> Configuration:
    """Return what the receiver needs, read from the environment. Raises ConfigurationError."""
    return _loaded(for_web=True, environ=None)


def _loaded(*, for_web: bool, environ: Mapping[str, str] | None) -> Configuration:
    faults = env_file.faults(os.environ if environ is None else environ)
    config, known = None, None
    try:
        config = settings.load(judges_password=for_web, environ=environ)
    except ConfigurationError as error:
        faults += error.faults
    try:
        known = shops.load(all_platforms(), environ)
    except ConfigurationError as error:
        faults += error.faults
    if config is None or known is None or faults:
        raise ConfigurationError(faults)
    known_users = users.load(known, config, environ) if for_web else {}
    if faults := _contradictions(config, known):
        raise ConfigurationError(faults)
    return Configuration(config, known, known_users)


def _contradictions(config: Settings, known: Mapping[str, Shop]) -> list[str]:
    """Return a sentence for every shop that waits longer than what is known of orders is stored."""
    longest = config.keep_rows - config.max_order_age
    return [
        f"shops.{name}.purchase_after: longer than KEEP_ROWS less MAX_ORDER_AGE; what is known of an order, such as "
        "its cancellation, would be deleted before it is sent"
        for name, shop in known.items()
        if shop.purchase_after > max(longest, 0)
    ]
