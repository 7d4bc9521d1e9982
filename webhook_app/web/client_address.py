"""The address of the visitor behind a proxied request, in a form in which one line has one address."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

LONGEST = 1000  # characters of X-Forwarded-For that are read, from its end
WITH_PORT = re.compile(r"\[([^\[\]]{2,60})\](?::[0-9]{1,5})?|([0-9.]{7,15}):[0-9]{1,5}")
NAT64 = ip_network("64:ff9b::/96")  # https://www.rfc-editor.org/rfc/rfc6052
INTERNAL = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10")))
INTERNAL_6 = tuple(map(ip_network, ("fc00::/7", "fe80::/10", "::1/128")))


def of_visitor(forwarded_for: str, own_proxies: int, peer: str) -> str:
    """Return the address that the platform's proxy wrote into X-Forwarded-For, else that of the peer; "" for none.

    Only for requests that the platform's proxy signed: it writes whom it serves, and each of the receiver's own proxies
    appends whom it serves. What is further to the left was written by the visitor, and is never read.
    https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies
    """
    hops = forwarded_for[-LONGEST:].split(",") if forwarded_for else []
    platforms_own = [normalized(hop) for hop in reversed(hops[: len(hops) - own_proxies])]
    known = [address for address in platforms_own if address]
    # Proxies inside the platform's network append internal addresses behind the visitor's.
    return next((address for address in known if not _is_internal(address)), known[0] if known else normalized(peer))


def normalized(text: str) -> str:
    """Return an address without port: of IPv6 the network of a line, or the IPv4 address in it; "" for no address."""
    plain = text.strip()
    if found := WITH_PORT.fullmatch(plain):
        plain = found[1] or found[2]
    try:
        address = ip_address(plain.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        embedded = _embedded(address)
        return str(embedded) if embedded else str(ip_network((address, 64), strict=False))
    return str(address)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _is_internal(address: str) -> bool:
    found = ip_address(address.partition("/")[0])
    return any(found in network for network in (INTERNAL if isinstance(found, IPv4Address) else INTERNAL_6))
