"""Titles and explanations of reason codes: `no_profile` is shown as "No profile key (no_profile)"."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from schemas.events import Reason

# Why a call failed, as webhook_app.tweakwise.retry_policy names it.
FAILURES = {
    "request": "The request could not be built",
    "dns": "DNS lookup failed",
    "connect": "Connection failed",
    "tls": "TLS handshake failed",
    "timeout": "No response in time",
    "reset": "Connection lost before the response",
}
# What a worker writes besides, with a waiting or dead delivery.
WORKER_REASONS = {
    "shop_missing": "Shop not configured",
    "purchase_after": "Waiting for returns",
    "key_wait": "Waiting for the profile key",
    "searching": "Searching for the customer's deliveries",
    "poisoned": "Worker crashed repeatedly",
    "translation_error": "Internal error during translation",
}
TITLES = {**{reason.value: reason.label for reason in Reason}, **FAILURES, **WORKER_REASONS}
HTTP = re.compile(r"http_([0-9]{3})")
PREFIXES = {"gave_up_": "Gave up", "parked_": "Parked"}
EXPLANATIONS = Path(__file__).with_name("reason_texts.toml")


class Explanation(NamedTuple):
    """What a reason means, and what to do about it; code is between backticks."""

    meaning: str
    advice: str


@cache
def explanations() -> dict[str, dict[str, Explanation]]:
    """Return the explanations by state and reason code, as docs/reasons.md has them."""
    states = tomllib.loads(EXPLANATIONS.read_text(encoding="utf-8"))
    return {state: {code: Explanation(*texts) for code, texts in codes.items()} for state, codes in states.items()}


def explanation(code: str, state: str) -> Explanation | None:
    """Return what a reason code means in that state; None for one of another version."""
    group = next((prefix.rstrip("_") for prefix in PREFIXES if code.startswith(prefix)), code)
    return explanations().get(state, {}).get("http" if HTTP.fullmatch(code) else group)


def reason_title(code: str) -> str:
    """Return the title of a reason code of any state; a code without a title stands for itself."""
    if title := TITLES.get(code):
        return title
    if answered := HTTP.fullmatch(code):
        return f"Tweakwise answered {answered[1]}"
    for prefix, title in PREFIXES.items():
        failure = code.removeprefix(prefix)
        if failure != code and (cause := reason_title(failure)) != failure:
            return f"{title}: {cause}"
    return code


def titled(code: str) -> str:
    """Return the title with its code in brackets, as pages and commands show a reason; "" for no reason."""
    title = reason_title(code)
    return title if title == code else f"{title} ({code})"
