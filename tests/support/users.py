"""A document with shops, and with users that are named after their role."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from werkzeug.security import generate_password_hash

from tests.support.dashboard import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

ROLES = {"reader": "read", "operator": "operate", "revealer": "reveal"}


@cache
def password_hash() -> str:
    """Return a hash of the users' password; making one takes a tenth of a second."""
    return generate_password_hash(PASSWORD)


def document(folder: Path, **users: list[str]) -> str:
    """Write the shops "ours" and "theirs", and users who see some of them; returns the path."""
    shops = [
        f'[shops.{name}]\nplatform = "shopify"\nsecrets = ["secret-of-{name}"]\ninstance_key = "demo000{number}"'
        for number, name in enumerate(("ours", "theirs"))
    ]
    people = [
        f'[users.{name}]\npassword_hash = "{password_hash()}"\nroles = ["{ROLES[name]}"]\nshops = {seen}'
        for name, seen in users.items()
    ]
    file = folder / "shops.toml"
    file.write_text("\n".join([*shops, *people]))
    return str(file)
