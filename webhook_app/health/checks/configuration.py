"""Checks of the shops' configuration: settings that surprise, secrets, and the addresses that send."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhook_app.config.shop_addresses import several_addresses, shared_secrets
from webhook_app.formatting import counted
from webhook_app.health.check import Check
from webhook_app.health.finding import Finding, Severity
from webhook_app.health.thresholds import SHORTEST_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.health.measurements import Measurements
    from webhook_app.platforms.base import Platform

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")  # a sandbox needs no certificate
QUOTED = re.compile(r"""["'`\u2018-\u201f].*|.*["'`\u2018-\u201f]""", re.DOTALL)
PLACEHOLDERS = ("changeme", "change-me", "your-secret", "your_secret", "secret", "test", "password", "example", "todo")
STAND_IN = "stand-in-"  # begins a generated secret that stands in for one that the platform makes
COPY_AGAIN = "Copy the secret from the platform again, without anything around it."


def shops(measured: Measurements) -> Iterator[Finding]:
    """List the shops, and report settings of a shop that often surprise."""
    names = ", ".join(f"{shop.name} ({measured.platforms[shop.platform].title})" for shop in measured.shops.values())
    if measured.configuration_faults:
        yield _not_taken_over(measured.configuration_faults)
    else:
        yield Finding("configuration", Severity.OK, f"Settings and shops are valid: {names}.")
    for shop in measured.shops.values():
        if shop.profile_salt is None and not shop.require_consent:
            summary = "no profile_salt, so orders without a profile key are ignored (no_profile)"
            yield Finding(
                "configuration",
                Severity.INFO,
                f"{shop.name} has no profile_salt: orders without a profile key are ignored (no_profile).",
                "Set profile_salt to derive a profile key from the customer id; ignore this if it is intended.",
                shop.name,
                "profile_salt",
                summary,
            )
        yield from _unencrypted(shop, shop.tweakwise_url or measured.tweakwise_url)


def _not_taken_over(faults: Sequence[str]) -> Finding:
    more = f" (and {counted(len(faults) - 1, 'further fault')})" if faults[1:] else ""
    text = f"The configuration has changed and cannot be used: {faults[0]}{more}"
    advice = (
        "Correct it: until then the shops stay as they were, and no process could start. `check` shows every fault."
    )
    return Finding("configuration", Severity.ERROR, text, advice, detail="changed", alerts=True)


def _unencrypted(shop: Shop, url: str) -> Iterator[Finding]:
    address = urlsplit(url)
    if address.scheme == "http" and address.hostname not in LOCAL_HOSTS:
        text = f"{shop.name} sends its events to an unencrypted address (http://)."
        advice = "Use https://: events hold profile keys and revenue."
        summary = "events are sent to an unencrypted address (http://)"
        yield Finding("configuration", Severity.WARNING, text, advice, shop.name, "http", summary)


def secrets(measured: Measurements) -> Iterator[Finding]:
    """Check every secret for typical mistakes made when copying; a finding never quotes the secret."""
    for shop in measured.shops.values():
        for number, secret in enumerate(shop.secrets, start=1):
            for problem, advice in _problems(secret, shop, measured.platforms[shop.platform]):
                text = f"Secret {number} of {shop.name} {problem}."
                summary = f"a secret {problem}"
                yield Finding("secrets", Severity.WARNING, text, advice, shop.name, f"{number} {problem}", summary)
    yield from _shared(measured)
    yield from permissions(measured)


def permissions(measured: Measurements) -> Iterator[Finding]:
    """Report a file with secrets that other users of this machine can read."""
    if source := measured.exposed_file:
        text = f"Other users of this machine can read {source}, which holds secrets."
        command = f"chmod 600 {shlex.quote(str(source))}"
        advice = f"Run: {command} (as the user of the receiver), or write references such as ${{ACME_SECRET}}."
        yield Finding("secrets", Severity.WARNING, text, advice, detail="file")


def _shared(measured: Measurements) -> Iterator[Finding]:
    for problem in shared_secrets(measured.shops, measured.platforms, measured.addresses):
        advice = (
            f"Give each shop an app with a secret of its own. Until then, if they use the same app: {problem.advice}."
        )
        detail = "shared" if problem.what == "webhook" else f"shared {problem.what}"
        summary = f"a secret that other shops have too, so that a {problem.what} of one passes for another"
        yield Finding(
            "secrets", Severity.WARNING, problem.text, advice, problem.shop, detail, summary, others=problem.others
        )


def addresses(measured: Measurements) -> Iterator[Finding]:
    """Report shops that several addresses send for, and those whose `domain` excludes one."""
    for problem in several_addresses(measured.shops, measured.addresses):
        shop = measured.shops[problem.shop]
        ignores_all = shop.domain and not {*shop.domain} & {*measured.addresses[problem.shop]}
        severity = Severity.ERROR if ignores_all else Severity.WARNING
        yield Finding(
            "addresses", severity, problem.text, problem.advice, shop.name, link=f"/dashboard/shops/{shop.name}"
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
    yield from _no_real_secret(secret, platform)
    if secret in (shop.profile_salt, shop.instance_key):
        yield "is the same as the shop's profile_salt or instance_key", "Give each setting its own value."
    if re.search(r"&(#\d+|\w+);", secret):
        yield "contains an HTML entity such as &amp;", f"It may come from the source of a web page. {COPY_AGAIN}"
    if set(secret) & set(platform.unsafe_secret_characters):
        text = f"contains characters that {platform.title} changes on saving"
        yield text, "Use only the characters A-Z, a-z and 0-9."


def _no_real_secret(secret: str, platform: Platform) -> Iterator[tuple[str, str]]:
    if secret.startswith(STAND_IN):
        yield f"stands in for the one that {platform.title} makes", f"Replace it. {platform.secret_help}"
    elif secret.strip().lower() in PLACEHOLDERS:
        yield "looks like a placeholder", COPY_AGAIN
    elif len(secret.strip()) < SHORTEST_SECRET:
        yield f"has fewer than {SHORTEST_SECRET} characters", "Choose a longer one, as from openssl rand -hex 20."


CHECKS = (
    Check("configuration", shops, needs_database=False),
    Check("secrets", secrets, "No secret has unusual characters, and none is used twice.", needs_database=False),
    Check("addresses", addresses),
)
