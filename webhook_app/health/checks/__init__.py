"""The checks, found by looking into this folder: measurements in, findings out; pure.

Each module has `CHECKS`, a tuple of values. Those that do not need the database come first.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.health.check import Check


def _found() -> Iterator[Check]:
    for module in pkgutil.iter_modules(__path__):
        yield from import_module(f"{__name__}.{module.name}").CHECKS


ALL: tuple[Check, ...] = tuple(sorted(_found(), key=lambda check: check.needs_database))
