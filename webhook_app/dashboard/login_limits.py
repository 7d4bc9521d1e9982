"""Limits of logins: each attempt counts for its address, its network and all together before it is checked."""

from __future__ import annotations

import ipaddress
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import logins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhook_app.inbox import Inbox

# How many attempts may fail in 15 minutes.
PER_PLACE = 10  # from one address, or from one browser that has signed in before
PER_NETWORK = 30  # from neighbouring addresses, which one attacker may have
IN_ALL = 200  # an attacker with many networks is no faster than this
EVERYWHERE = "everywhere"
# An IPv6 customer gets a network of at least 64 bits, often 56 or 48: https://www.rfc-editor.org/rfc/rfc6177
PLACE_BITS, NETWORK_BITS = {4: 32, 6: 64}, {4: 24, 6: 48}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 in IPv6: https://www.rfc-editor.org/rfc/rfc6052

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def place(address: str | None) -> str:
    """Return the address in normal form, of IPv6 its network of 64 bits; other texts as they are."""
    known = _parsed(address or "")
    return _network(known, PLACE_BITS) if known else address or ""


def network(address: str | None) -> str:
    """Return the network around a place."""
    known = _parsed(address or "")
    return _network(known, NETWORK_BITS) if known else address or ""


def _network(address: Address, bits: Mapping[int, int]) -> str:
    return str(ipaddress.ip_network((address, bits[address.version]), strict=False))


def _parsed(address: str) -> Address | None:
    """Read an address that may have brackets, a zone or a port; IPv4 in IPv6 is IPv4."""
    for text in (address, address.partition("]")[0].removeprefix("["), address.rpartition(":")[0]):
        try:
            return _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
        except ValueError:
            continue
    return None


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


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
