"""Who may read: those who send API_TOKEN. An address that sends wrong ones is refused for a while."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict, deque
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEME = "bearer "
WRONG = 10  # tokens of one address, in each web process
WITHIN = 15 * 60.0  # seconds
MOST_ADDRESSES = 10_000  # that are remembered; those that were wrong longest ago are forgotten first


class TokenAccess:
    """Compares tokens in constant time; its methods may be called from any thread."""

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds."""
        self._digest, self._clock, self._lock = _digest(token), clock, Lock()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Return for how many seconds an address is refused, 0 if it is not."""
        with self._lock:
            if address not in self._wrong:  # only those are remembered: anyone may ask from any number of addresses
                return 0
            times = self._recent(address)
            return int(times[0] + WITHIN - self._clock()) + 1 if len(times) >= WRONG else 0

    def accepts(self, authorization: str, address: str) -> bool:
        """Return whether a header has the token; a wrong one is counted for the address, a missing one is not."""
        scheme, given = authorization[: len(SCHEME)].lower(), authorization[len(SCHEME) :].strip()
        if scheme != SCHEME or not given:
            return False
        if hmac.compare_digest(_digest(given), self._digest):
            return True
        with self._lock:
            self._recent(address).append(self._clock())
            while len(self._wrong) > MOST_ADDRESSES:
                self._wrong.popitem(last=False)
        return False

    def _recent(self, address: str) -> deque[float]:
        """Return when an address was wrong lately."""
        times = self._wrong.setdefault(address, deque(maxlen=WRONG))
        self._wrong.move_to_end(address)
        while times and times[0] <= self._clock() - WITHIN:
            times.popleft()
        return times


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
