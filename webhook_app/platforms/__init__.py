"""Shop platforms: one module each, defining PLATFORM; the modules of this folder are discovered, never listed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhook_app.platforms.base import Platform


@cache
def all_platforms() -> dict[str, Platform]:
    """Import every module of this folder and return the platforms that they define, by name."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found = [module.PLATFORM for module in modules if hasattr(module, "PLATFORM")]
    return {platform.name: platform for platform in found}
