"""Breakers and lowered rates, in words that a merchant's developer understands; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.throttling import circuit_breaker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhook_app.inbox import Lane

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


def is_open(lane: Lane) -> bool:
    """Tell whether the lane's breaker is open, half-open included."""
    return lane.open_until is not None


def sentences(lane: Lane, now: int) -> str:
    """Say whose calls are held up, until when and why; "" where nothing is held up. `now` is in milliseconds."""
    said = [said for said in (_breaker(lane, now), _rate(lane, now)) if said]
    return f"{title(lane.name)}: {' '.join(said)}" if said else ""


def title(name: str) -> str:
    """Write a lane's name for people."""
    kind, _, rest = name.partition(" ")
    return {"shop": f"shop {rest}", "tweakwise": f"Tweakwise at {rest}"}.get(kind, "all shops together")


def concerning(lanes: Iterable[Lane], shops: set[str]) -> list[Lane]:
    """Return the lanes with an open breaker that calls of `shops` may go through."""
    theirs = [lane for lane in lanes if not lane.name.startswith("shop ") or lane.name[len("shop ") :] in shops]
    return [lane for lane in theirs if is_open(lane)]


def _breaker(lane: Lane, now: int) -> str:
    if lane.open_until is None:
        return f"{lane.failures} failures in a row ({_why(lane.reason)})." if lane.failures else ""
    why = f"because {_why(lane.reason)}"
    if lane.probing:
        return f"breaker half-open {why}: one call is on its way to try whether it works again."
    if lane.open_until <= now:
        return f"breaker half-open {why}: the next call tries whether it works again."
    seconds = -(-(lane.open_until - now) // 1000)
    return f"breaker open {why}: nothing is sent, no attempt is used up; one call tries again in {seconds} s."


def _rate(lane: Lane, now: int) -> str:
    rate = circuit_breaker.pace(lane, now, None)
    if rate is None or is_open(lane):
        return ""
    why = f" ({_why(lane.reason)})" if lane.reason else ""
    seconds = circuit_breaker.DOUBLES_EVERY // 1000
    return f"slowed down to {rate:.3g} calls a second{why}; it doubles by itself every {seconds} s."


def _why(reason: str) -> str:
    meaning = next((said for known, said in MEANINGS.items() if reason.startswith(known)), "")
    return f"{meaning} ({reason})" if meaning else reason or "of earlier trouble"
