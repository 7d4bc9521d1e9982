"""Reserves business keys, inside an open transaction: one order of one address is one call.

The first address that sends an order takes its key, with the address beside it; another address takes a key of its own,
with the address behind it. So an earlier version, which knows no addresses and may run beside this one during a rolling
release, finds every order that this one counts, and counts none again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from webhook_app.inbox import hot_statements as sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from webhook_app.inbox.delivery import Delivery
    from webhook_app.tweakwise.call import Call

    Key = tuple[str, str]  # shop and key
    KeyRow = Mapping[str, Any]

LONGEST_KEY = 192  # characters, as in the table


class Owner(NamedTuple):
    """Who has a key: a delivery, and the address that it was taken for, None for all."""

    delivery: int
    address: str | None


def reserve(connection: Connection, calls: Sequence[tuple[Delivery, Call]]) -> dict[int, int]:
    """Take each call's business key for its delivery where it is free; returns the owner by delivery."""
    return take(connection, [_key_row(delivery, call) for delivery, call in calls])


def take(connection: Connection, rows: Sequence[KeyRow]) -> dict[int, int]:
    """Take the keys of rows, which key_row() makes, where they are free; returns the owner by delivery."""
    owners: dict[int, int] = {}
    while rows:
        # One statement cannot take the same key twice; later rows with it are tried again.
        first = {(row["shop"], row["key"]): row for row in reversed(rows)}
        owner_of = _reserved(connection, [first[key] for key in sorted(first)])
        owners |= {first[key]["delivery_id"]: owner for key, owner in owner_of.items()}
        rows = [row for row in rows if row["delivery_id"] not in owners]
    return owners


def key_row(shop: str, key: str, address: str, delivery_id: int) -> KeyRow:
    """Return the row of a key that is taken for good, for an address in normal form."""
    return {
        "shop": shop,
        "key": key,
        "address_key": address_key(key, address),
        "address": address or None,
        "delivery_id": delivery_id,
        "since": None,
        "until": None,
    }


def address_key(key: str, address: str) -> str | None:
    """Return the key of an address for an order whose key another address has, None without an address."""
    if not address:
        return None
    whole = f"{key}@{address}"
    return whole if len(whole) <= LONGEST_KEY else f"{key}@{hashlib.sha256(address.encode()).hexdigest()[:32]}"


def _reserved(connection: Connection, rows: Sequence[KeyRow]) -> dict[Key, int]:
    """Take keys that are free; returns the owner of each, without those that were freed in the meantime."""
    owner_of = {(shop, key): owner for shop, key, owner in sql.RESERVE.run(connection, rows)}
    taken = [row for row in rows if (row["shop"], row["key"]) not in owner_of]
    return owner_of | _owners(connection, taken) if taken else owner_of


def _owners(connection: Connection, taken: Sequence[KeyRow]) -> dict[Key, int]:
    """Return the owner of keys that are taken; what only another address has, a delivery takes under its own key."""
    found = _found(connection, taken)
    owner_of: dict[Key, int] = {}
    others: list[KeyRow] = []
    for row in taken:
        own, shared = found.get((row["shop"], row["address_key"])), found.get((row["shop"], row["key"]))
        owner = own or (shared if shared and _is_for(row["address"], shared) else None)
        if owner:
            owner_of[row["shop"], row["key"]] = owner.delivery
        elif shared:
            others.append(row)
    return owner_of | _reserved_for_address(connection, others)


def _is_for(address: str | None, owner: Owner) -> bool:
    """Return whether a key was taken for an address: also by an earlier version, or by a sender without address."""
    return address is None or owner.address in (None, address)


def _reserved_for_address(connection: Connection, rows: Sequence[KeyRow]) -> dict[Key, int]:
    own_rows = [{**row, "key": row["address_key"], "address_key": None} for row in rows]
    written = {(shop, key) for shop, key, _ in sql.RESERVE.run(connection, own_rows)}
    won = (row for row in rows if (row["shop"], row["address_key"]) in written)
    return {(row["shop"], row["key"]): row["delivery_id"] for row in won}


def _found(connection: Connection, taken: Sequence[KeyRow]) -> dict[Key, Owner]:
    keys = [(row["shop"], key) for row in taken for key in (row["key"], row["address_key"]) if key]
    rows = sql.OWNERS.run(connection, [{"shop": shop, "key": key} for shop, key in keys])
    return {(shop, key): Owner(owner, address) for shop, key, owner, address in rows if owner is not None}


def _key_row(delivery: Delivery, call: Call) -> KeyRow:
    row = key_row(delivery.shop, call.key, call.address, delivery.id)
    if call.within is None:
        return row
    return {**row, "since": delivery.received_at, "until": delivery.received_at + int(call.within * 1000)}
