"""Checks of what was configured."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhook_app.doctor.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.shops import Shop
    from webhook_app.doctor.finding import Subject

SHORTEST = 16  # characters
HERE = ("localhost", "127.0.0.1", "::1")  # a sandbox needs no certificate
QUOTED = re.compile(r"""["'`\u2018-\u201f].*|.*["'`\u2018-\u201f]""", re.DOTALL)
PLACEHOLDERS = ("changeme", "change-me", "your-secret", "your_secret", "secret", "test", "password", "example", "todo")
COPY_AGAIN = "Copy it from the platform once more, without anything around it, and restart."


def shops(subject: Subject) -> Iterator[Finding]:
    """Tell how many shops there are, and what will surprise in their configuration."""
    names = ", ".join(f"{shop.name} ({subject.platforms[shop.platform].title})" for shop in subject.shops.values())
    yield Finding("configuration", Level.FINE, f"Settings and shops are read without fault: {names}.")
    for shop in subject.shops.values():
        if shop.profile_salt is None and not shop.require_consent:
            said = (
                f"{shop.name} has no profile_salt: orders without a storefront-written key are ignored as no_profile."
            )
            yield Finding("configuration", Level.NOTE, said, "Set profile_salt, or leave it so on purpose.")
        address = urlsplit(shop.tweakwise_url or subject.config.tweakwise_url)
        if address.scheme == "http" and address.hostname not in HERE:
            said = f"{shop.name} delivers to an address without encryption (http://)."
            yield Finding("configuration", Level.WARNING, said, "Write https://: calls hold profile keys and revenue.")


def secrets(subject: Subject) -> Iterator[Finding]:
    """Look at every secret for what goes wrong when one copies; never quotes it."""
    found = list(_secrets(subject))
    yield from found or [Finding("secrets", Level.FINE, "No secret has odd characters, and none is used twice.")]


def _secrets(subject: Subject) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for shop in subject.shops.values():
        for number, secret in enumerate(shop.secrets, start=1):
            which = f"Secret {number} of {shop.name}"
            for said, todo in _oddities(secret, shop):
                yield Finding("secrets", Level.WARNING, f"{which} {said}.", todo)
            if secret in owners:
                said = f"{which} is also one of {owners[secret]}'s."
                yield Finding("secrets", Level.WARNING, said, "Right for one app's webhooks alone; is it?")
            owners[secret] = shop.name


def _oddities(secret: str, shop: Shop) -> Iterator[tuple[str, str]]:
    if secret != secret.strip():
        yield "begins or ends with white space", COPY_AGAIN
    elif any(letter.isspace() or not letter.isprintable() for letter in secret):
        yield "holds white space or an invisible character", COPY_AGAIN
    if not secret.isascii():
        yield "holds characters beyond ASCII", COPY_AGAIN
    if QUOTED.fullmatch(secret.strip()):
        yield "begins or ends with a quotation mark", COPY_AGAIN
    if secret.strip().lower() in PLACEHOLDERS:
        yield "looks like a placeholder", COPY_AGAIN
    elif len(secret.strip()) < SHORTEST:
        yield f"has fewer than {SHORTEST} characters", "Choose a longer one, for example from openssl rand -hex 20."
    if secret in (shop.profile_salt, shop.instance_key):
        yield "is the shop's profile_salt or instance_key as well", "Give each a value of its own."
    if re.search(r"&(#\d+|\w+);", secret):
        yield "holds an HTML entity such as &amp;", "Was it copied out of a page's source? " + COPY_AGAIN
    if shop.platform == "woocommerce" and re.search(r"[<>&\"'%]", secret):
        yield "holds characters that WordPress changes on saving", "Choose one of A-Z, a-z and 0-9 alone."
