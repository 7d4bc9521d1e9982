"""Who may read: those who send API_TOKEN, wherever they are.

Behind a proxy that is not in TRUSTED_PROXIES all clients have one address: wrong tokens of one must not lock out the
others. API_TOKEN is random, so refusing the right one would not make guessing harder.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from threading import Lock
from typing import TYPE_CHECKING

from webhook_app.web import bearer_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG = 10  # tokens of one address, in each web process
WITHIN = 15 * 60.0  # seconds
MOST_ADDRESSES = 10_000  # that are remembered; those that were wrong longest ago are forgotten first


class TokenAccess:
    """Compares tokens in constant time; its methods may be called from any thread."""

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds."""
        self._token, self._clock, self._lock = token, clock, Lock()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def accepts(self, authorization: str) -> bool:
        """Return whether a header has the token."""
        return bearer_tokens.is_right(authorization, self._token)

    def refuse(self, authorization: str, address: str) -> int:
        """Count a header without the right token for its address; a missing one is not counted.

        Returns for how many seconds the address has sent too many wrong ones, 0 if it has not.
        """
        # Only wrong ones are remembered: anyone may ask from any number of addresses.
        if not bearer_tokens.given(authorization):
            return 0
        with self._lock:
            times = self._recent(address)
            if len(times) >= WRONG:
                return int(times[0] + WITHIN - self._clock()) + 1
            times.append(self._clock())
            while len(self._wrong) > MOST_ADDRESSES:
                self._wrong.popitem(last=False)
        return 0

    def _recent(self, address: str) -> deque[float]:
        """Return when an address was wrong lately."""
        times = self._wrong.setdefault(address, deque(maxlen=WRONG))
        self._wrong.move_to_end(address)
        while times and times[0] <= self._clock() - WITHIN:
            times.popleft()
        return times
