"""One module a scenario, each with a `run(context)` whose docstring is its line in the table; found, never listed."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.context import Context


def every() -> dict[str, Callable[[Context], None]]:
    """Return every scenario by its name, which is its module's with spaces."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name.replace("_", " "): import_module(f"{__name__}.{name}").run for name in names}
