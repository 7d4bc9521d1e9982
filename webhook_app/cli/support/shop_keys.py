"""The instance keys of the configured shops, also of those that are added while a sandbox runs."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from webhook_app.config import env_file, shops
from webhook_app.errors import ConfigurationError
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Callable

READ_ONCE_IN = 1.0  # seconds, however many unknown keys arrive


class ShopKeys(Collection[str]):
    """Reads the shops at the start, and anew when a key is unknown; any thread may use it."""

    def __init__(self, others: Collection[str] = (), clock: Callable[[], float] = time.monotonic) -> None:
        """`others` are accepted besides; `clock` is in seconds."""
        self._others, self._clock = frozenset(others), clock
        self._keys, self._read_from = self._others, float("-inf")
        self._read()

    def __contains__(self, key: object) -> bool:
        """Return whether it is the key of a shop."""
        if key not in self._keys and self._clock() >= self._read_from:
            self._read()
        return key in self._keys

    def __len__(self) -> int:
        """Return how many are known."""
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the known ones."""
        return iter(self._keys)

    def _read(self) -> None:
        """Read the shops; those that cannot be used change nothing."""
        self._read_from = self._clock() + READ_ONCE_IN
        try:
            known = shops.load(all_platforms(), env_file.environment())
        except ConfigurationError:
            return
        self._keys = self._others | {shop.instance_key for shop in known.values()}
