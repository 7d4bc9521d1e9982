"""Limits of logins: each attempt counts for its address, its network and all together before it is checked."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from ipaddress import ip_network
from typing import TYPE_CHECKING

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.operations import logins
from webhook_app.web import client_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhook_app.inbox import Inbox

# How many attempts may fail in 15 minutes.
PER_PLACE = 10  # from one address, or from one browser that has signed in before
PER_NETWORK = 30  # from neighbouring addresses, which one attacker may have
IN_ALL = 200  # an attacker with many networks is no faster than this
EVERYWHERE = "everywhere"
# The network around a place, which one customer may have whole: https://www.rfc-editor.org/rfc/rfc6177
NETWORK_BITS = {4: 24, 6: 48}


def place(address: str | None) -> str:
    """Return the address in normal form, of IPv6 the network of a line; other texts as they are."""
    return client_address.normalized(address or "") or address or ""


def network(address: str | None) -> str:
    """Return the network around a place; other texts as they are."""
    known = client_address.normalized(address or "")
    if not known:
        return address or ""
    line = ip_network(known)
    return str(line.supernet(new_prefix=NETWORK_BITS[line.version]))


class LoginLimits:
    """Counts attempts in the inbox, for all processes; in this process alone while the inbox cannot be written."""

    def __init__(self, inbox: Inbox, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds, for what this process counts."""
        self._inbox, self._clock = inbox, clock
        self._here: dict[str, deque[float]] = defaultdict(deque)

    def begin(self, limits: Mapping[str, int]) -> str | None:
        """Count an attempt; None where one of the sources in `limits` has reached its limit."""
        try:
            return logins.begin_attempt(self._inbox, limits)
        except StoreUnavailableError:
            return self._begin_here(limits)

    def succeeded(self, attempt: str) -> None:
        """Count an attempt no longer, because its password was right."""
        try:
            logins.withdraw_attempt(self._inbox, attempt)
        except StoreUnavailableError:
            return  # it ends by itself

    def _begin_here(self, limits: Mapping[str, int]) -> str | None:
        now = self._clock()
        for attempts in self._here.values():
            while attempts and attempts[0] < now - logins.WITHIN / 1000:
                attempts.popleft()
        self._here = defaultdict(deque, {source: times for source, times in self._here.items() if times})
        if any(len(self._here[source]) >= limit for source, limit in limits.items()):
            return None
        for source in limits:
            self._here[source].append(now)
        return ""
