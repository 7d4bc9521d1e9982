"""Checks of the settings and of the shops' configuration."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhook_app.config.shop_addresses import shared_secrets
from webhook_app.config.shops import document
from webhook_app.doctor.finding import Finding, Severity
from webhook_app.errors import ConfigurationError, StoreUnavailableError
from webhook_app.inbox.activity import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.shops import Shop
    from webhook_app.doctor.finding import CheckContext
    from webhook_app.platforms.base import Platform

OTHERS = 0o044  # permissions of all but the owner
# A secret that is written out, in a list or by itself.
SECRET_WRITTEN = re.compile(r"""^[ \t]*(?:secrets|profile_salt)[ \t]*=[ \t\[\n]*["'](?!\$\{)""", re.MULTILINE)
SHORTEST_SECRET = 16  # characters
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")  # a sandbox needs no certificate
QUOTED = re.compile(r"""["'`\u2018-\u201f].*|.*["'`\u2018-\u201f]""", re.DOTALL)
PLACEHOLDERS = ("changeme", "change-me", "your-secret", "your_secret", "secret", "test", "password", "example", "todo")
COPY_AGAIN = "Copy the secret from the platform again, without anything around it, and restart."


def shops(context: CheckContext) -> Iterator[Finding]:
    """List the shops, and report settings of a shop that often surprise."""
    names = ", ".join(f"{shop.name} ({context.platforms[shop.platform].title})" for shop in context.shops.values())
    yield Finding("configuration", Severity.OK, f"Settings and shops are valid: {names}.")
    for shop in context.shops.values():
        if shop.profile_salt is None and not shop.require_consent:
            text = f"{shop.name} has no profile_salt: orders without a profile key are ignored (no_profile)."
            advice = "Set profile_salt to derive a profile key from the customer id; ignore this if it is intended."
            yield Finding("configuration", Severity.INFO, text, advice)
        address = urlsplit(shop.tweakwise_url or context.config.tweakwise_url)
        if address.scheme == "http" and address.hostname not in LOCAL_HOSTS:
            text = f"{shop.name} sends its events to an unencrypted address (http://)."
            yield Finding(
                "configuration", Severity.WARNING, text, "Use https://: events hold profile keys and revenue."
            )


def secrets(context: CheckContext) -> Iterator[Finding]:
    """Check every secret for typical mistakes made when copying; a finding never quotes the secret."""
    found = list(_secrets(context))
    yield from found or [Finding("secrets", Severity.OK, "No secret has unusual characters, and none is used twice.")]


def _secrets(context: CheckContext) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for shop in context.shops.values():
        for number, secret in enumerate(shop.secrets, start=1):
            which = f"Secret {number} of {shop.name}"
            for problem, advice in _problems(secret, shop, context.platforms[shop.platform]):
                yield Finding("secrets", Severity.WARNING, f"{which} {problem}.", advice)
            if secret in owners and not (shop.domain and context.shops[owners[secret]].domain):
                text = f"{which} is also a secret of {owners[secret]}: a webhook of one passes for the other."
                yield Finding("secrets", Severity.WARNING, text, _pinning(context, {shop.name, owners[secret]}))
            owners[secret] = shop.name


def _pinning(context: CheckContext, names: set[str]) -> str:
    """Return the lines that pin shops to their addresses, which are known once webhooks were received."""
    seen: dict[str, list[str]] = {}
    with suppress(StoreUnavailableError):
        seen = addresses(context.inbox)
    both = {name: context.shops[name] for name in sorted(names)}
    lines = " ".join(f"{problem.advice}." for problem in shared_secrets(both, context.platforms, seen))
    return f"Give each shop an app of its own. Until then, if both use the same app: {lines}"


def permissions(_context: CheckContext) -> Iterator[Finding]:
    """Report a file with secrets that other users of this machine can read."""
    with suppress(ConfigurationError, OSError):
        text, source = document()
        if SECRET_WRITTEN.search(text) and Path(source).is_file() and Path(source).stat().st_mode & OTHERS:
            yield Finding(
                "secrets",
                Severity.WARNING,
                f"Other users of this machine can read {source}, which holds secrets.",
                f"Run: chmod 600 {source} (as the user of the receiver), or write references such as ${{ACME_SECRET}}.",
            )


def _problems(secret: str, shop: Shop, platform: Platform) -> Iterator[tuple[str, str]]:
    if secret != secret.strip():
        yield "begins or ends with white space", COPY_AGAIN
    elif any(letter.isspace() or not letter.isprintable() for letter in secret):
        yield "contains white space or an invisible character", COPY_AGAIN
    if not secret.isascii():
        yield "contains characters outside ASCII", COPY_AGAIN
    if QUOTED.fullmatch(secret.strip()):
        yield "begins or ends with a quotation mark", COPY_AGAIN
    if secret.strip().lower() in PLACEHOLDERS:
        yield "looks like a placeholder", COPY_AGAIN
    elif len(secret.strip()) < SHORTEST_SECRET:
        advice = "Choose a longer one, for example from openssl rand -hex 20."
        yield f"has fewer than {SHORTEST_SECRET} characters", advice
    if secret in (shop.profile_salt, shop.instance_key):
        yield "is the same as the shop's profile_salt or instance_key", "Give each setting its own value."
    if re.search(r"&(#\d+|\w+);", secret):
        yield "contains an HTML entity such as &amp;", f"It may come from the source of a web page. {COPY_AGAIN}"
    if set(secret) & set(platform.unsafe_secret_characters):
        text = f"contains characters that {platform.title} changes on saving"
        yield text, "Use only the characters A-Z, a-z and 0-9."
