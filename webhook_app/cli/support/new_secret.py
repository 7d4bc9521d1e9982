"""The secret of a new shop: who makes it, what is asked, and what to do with one that was generated here."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from webhook_app.health.checks.configuration import STAND_IN

if TYPE_CHECKING:
    from webhook_app.platforms.base import Platform


def is_made_by(platform: Platform) -> bool:
    """Return whether the platform makes the secret: one that is generated here cannot be entered there."""
    return not platform.new_secret_help


def generated(platform: Platform) -> str:
    """Return a new random secret in the form that the platform takes.

    Where the platform makes the secret it stands in for that one: samples can be sent, and health checks name it.
    """
    random = secrets.token_hex(20)
    return platform.signature.encode_secret((f"{STAND_IN}{random}" if is_made_by(platform) else random).encode())


def question(platform: Platform) -> str:
    """Return what is asked for."""
    if is_made_by(platform):
        return f"Secret that {platform.title} shows, hidden here ({_where(platform)} Empty: not known yet)"
    if platform.handshake:
        return "App secret, hidden here (empty: a new one, which is written into the app)"
    return f"Secret, hidden here (empty: a new one to enter at the sender; otherwise: {_where(platform)})"


def notes(platform: Platform, secret: str, place: str) -> list[str]:
    """Return what to do with a generated secret, which is stored at `place`."""
    if is_made_by(platform):
        text = f"{platform.title} makes the secret, and none was given: {place} is a stand-in. Samples work with it; "
        return [text + f"webhooks of {platform.title} are refused until you replace it. {_where(platform)}"]
    return [f"a new secret, {place}: {secret}", platform.new_secret_help]


def _where(platform: Platform) -> str:
    return platform.secret_help or f"Where {platform.title} shows it."
