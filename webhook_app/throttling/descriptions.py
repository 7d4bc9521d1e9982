"""Breakers and lowered rates, in words that a merchant's developer understands; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.throttling import circuit_breaker
from webhook_app.throttling.state import ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhook_app.throttling.state import Scope, ThrottleState

MEANINGS = {
    "dns": "the address could not be looked up",
    "connect": "no connection came about",
    "tls": "the encryption or the certificate was refused",
    "timeout": "no answer came in time",
    "reset": "the connection broke",
    "http_401": "the instance key was refused",
    "http_403": "the instance key was refused",
    "http_404": "the address or the instance key is not known there",
    "http_429": "Tweakwise asks to go slower",
    "http_3": "the address is not quite right",
    "http_5": "Tweakwise has trouble of its own",
}


def sentences(throttle: ThrottleState, now: int) -> str:
    """Say whose calls are held up, until when and why; "" where nothing is held up. `now` is in milliseconds."""
    said = [said for said in (_breaker(throttle, now), _rate(throttle, now)) if said]
    return f"{title(throttle.scope)}: {' '.join(said)}" if said else ""


def title(scope: Scope) -> str:
    """Return what a person calls it."""
    titles = {ScopeKind.SHOP: f"shop {scope.name}", ScopeKind.TWEAKWISE: f"Tweakwise at {scope.name}"}
    return titles.get(scope.kind, "all shops together")


def open_for(throttles: Iterable[ThrottleState], shops: set[str]) -> list[ThrottleState]:
    """Return the throttles with an open breaker that calls of `shops` fall under."""
    return [throttle for throttle in throttles if throttle.is_open and throttle.scope.concerns(shops)]


def _breaker(throttle: ThrottleState, now: int) -> str:
    if throttle.open_until is None:
        return f"{throttle.failures} failures in a row ({_why(throttle.reason)})." if throttle.failures else ""
    why = f"because {_why(throttle.reason)}"
    if throttle.probing:
        return f"breaker half-open {why}: one call is on its way to try whether it works again."
    if throttle.open_until <= now:
        return f"breaker half-open {why}: the next call tries whether it works again."
    seconds = -(-(throttle.open_until - now) // 1000)
    return f"breaker open {why}: nothing is sent, no attempt is used up; one call tries again in {seconds} s."


def _rate(throttle: ThrottleState, now: int) -> str:
    rate = circuit_breaker.current_rate(throttle, now, None)
    if rate is None or throttle.is_open:
        return ""
    why = f" ({_why(throttle.reason)})" if throttle.reason else ""
    seconds = circuit_breaker.DOUBLES_EVERY // 1000
    return f"slowed down to {rate:.3g} calls a second{why}; it doubles by itself every {seconds} s."


def _why(reason: str) -> str:
    meaning = next((said for known, said in MEANINGS.items() if reason.startswith(known)), "")
    return f"{meaning} ({reason})" if meaning else reason or "of earlier trouble"
