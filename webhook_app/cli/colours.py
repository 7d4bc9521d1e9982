"""Whether to print in colours: on a terminal alone, and not where NO_COLOR is set (https://no-color.org)."""

from __future__ import annotations

import os


def wanted() -> bool | None:
    """Return False for never, None for where standard output is a terminal."""
    return False if os.environ.get("NO_COLOR") else None
