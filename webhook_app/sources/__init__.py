"""The platforms' own lists of orders, read through their APIs; one module a platform, defining SOURCE.

The modules of this package are discovered, never listed. The web process never imports it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhook_app.sources.base import Source


@cache
def all_sources() -> dict[str, Source]:
    """Import every module of this folder and return the sources that they define, by platform."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return {source.platform: source for source in found}
