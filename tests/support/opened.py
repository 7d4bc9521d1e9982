"""What tests open without closing it, to be closed when each of them ends."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_open = ExitStack()


def close_later(close: Callable[[], None]) -> None:
    """Call `close` once the test and its fixtures have ended."""
    _open.callback(close)


def close_all() -> None:
    _open.close()
