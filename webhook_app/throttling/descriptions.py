"""Pauses and lowered rates as sentences for pages, commands and alerts; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.formatting import number, time_of_day
from webhook_app.throttling import circuit_breaker
from webhook_app.throttling.state import ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhook_app.throttling.state import Scope, ThrottleState

# By the beginning of a failure's name.
FAILURE_TEXTS = {
    "request": "no request could be built on this machine",
    "dns": "the DNS lookup of the address failed",
    "connect": "no connection could be made",
    "tls": "the TLS handshake or the certificate was refused",
    "timeout": "no response came in time",
    "reset": "the connection was lost before the response",
    "http_401": "the instance key was refused",
    "http_403": "the instance key was refused",
    "http_404": "the address or the instance key is unknown there",
    "http_429": "Tweakwise answered 429, too many calls",
    "http_3": "the address redirects elsewhere",
    "http_5": "Tweakwise reports an error on its side",
}
# What corrects it, by the beginning of a failure's name; other failures pass by themselves.
ACTIONS = {
    "request": "See call_not_built in the worker's log; check TWEAKWISE_URL, TWEAKWISE_PROXY and CA_BUNDLE.",
    "dns": "Check TWEAKWISE_URL, TWEAKWISE_PROXY and the DNS of this machine.",
    "connect": "Check TWEAKWISE_URL, TWEAKWISE_PROXY and the firewall.",
    "tls": "Check TWEAKWISE_URL, the proxy, CA_BUNDLE and the clock of this machine.",
    "http_401": "Correct the shop's instance_key.",
    "http_403": "Correct the shop's instance_key.",
    "http_404": "Correct the shop's instance_key or tweakwise_url.",
    "http_3": "Correct tweakwise_url or TWEAKWISE_URL.",
}
EXACT_BELOW = 100  # calls a second; a higher rate is written as a whole number
NO_ACTION = "Nothing to do: its deliveries wait and are sent then."


def sentences(throttle: ThrottleState, now: int, *, with_action: bool = True) -> str:
    """Return which calls are held up, why, until when and what to do; "" if none are. `now` is in milliseconds."""
    parts = [part for part in (_breaker(throttle, now), _rate(throttle, now)) if part]
    texts = [f"{title(throttle.scope)}: {part}" for part in parts]
    if throttle.is_open and with_action:
        texts.append(action(throttle))
    return " ".join(texts)


def held_up(throttle: ThrottleState, now: int) -> str:
    """Return what an open breaker means for events, in sentences."""
    subject = f"{throttle.scope.name}: no events are sent" if throttle.scope.is_shop else "no events are sent"
    where = f" to {throttle.scope.name}" if throttle.scope.kind is ScopeKind.TWEAKWISE else ""
    if until := paused_until(throttle, now):
        then = f"{until[0].upper()}{until[1:]}; then one call is sent as a test."
    else:
        then = "A test call is in flight." if throttle.probing else "The next call is a test."
    return f"{subject}{where}, because {why(throttle.reason)}. Events wait; none is lost. {then}"


def slowed_down(throttle: ThrottleState, now: int) -> str:
    """Return the lowered rate of a scope in a sentence; "" without one."""
    rate = _rate(throttle, now)
    return f"{title(throttle.scope)}: {rate}" if rate else ""


def action(throttle: ThrottleState) -> str:
    """Return what to do about an open breaker."""
    what = _of(throttle.reason, ACTIONS) or NO_ACTION
    return f"{what} To end the pause now: resume --shop {throttle.scope.name}" if throttle.scope.is_shop else what


def calls(rate: float) -> str:
    """Write a rate in calls a second: 1 250, 5, 0.123."""
    return number(round(rate)) if rate >= EXACT_BELOW else f"{rate:.3g}"


def paused_until(throttle: ThrottleState, now: int) -> str:
    """Return until when nothing is sent, as pages and commands write it: paused until 10:42:05 UTC; "" if it is."""
    if throttle.open_until is None or throttle.open_until <= now or throttle.probing:
        return ""
    return f"paused until {time_of_day(throttle.open_until)} UTC"


def title(scope: Scope) -> str:
    """Return the scope's name as pages and commands show it."""
    titles = {ScopeKind.SHOP: f"shop {scope.name}", ScopeKind.TWEAKWISE: f"Tweakwise at {scope.name}"}
    return titles.get(scope.kind, "all shops together")


def open_for(throttles: Iterable[ThrottleState], shops: set[str]) -> list[ThrottleState]:
    """Return the throttles with an open breaker that cover calls of `shops`."""
    return [throttle for throttle in throttles if throttle.is_open and throttle.scope.applies_to(shops)]


def _breaker(throttle: ThrottleState, now: int) -> str:
    if throttle.open_until is None:
        return _failures(throttle)
    because = f"because {why(throttle.reason)}"
    if until := paused_until(throttle, now):
        return f"{until}, {because}: nothing is sent until a test call then."
    if throttle.probing:
        return f"circuit breaker half-open {because}: one test call is in flight, and its result decides."
    return f"circuit breaker half-open {because}: the next call is a test, and its result decides."


def _failures(throttle: ThrottleState) -> str:
    if not throttle.failures:
        return ""
    plural = "s" if throttle.failures > 1 else ""
    return f"{throttle.failures} failure{plural} in a row ({why(throttle.reason)})."


def _rate(throttle: ThrottleState, now: int) -> str:
    rate = circuit_breaker.current_rate(throttle, now, None)
    if rate is None or throttle.is_open:
        return ""
    because = f" ({why(throttle.reason)})" if throttle.reason else ""
    seconds = circuit_breaker.DOUBLES_EVERY // 1000
    return f"limited to {calls(rate)} calls a second{because}; the rate doubles every {seconds} s by itself."


def why(reason: str) -> str:
    """Return a failure in words, with its name."""
    text = _of(reason, FAILURE_TEXTS)
    return f"{text} ({reason})" if text else reason or "of earlier failures"


def _of(reason: str, texts: Mapping[str, str]) -> str:
    return next((text for prefix, text in texts.items() if reason.startswith(prefix)), "")
