"""The cause of a dead delivery, derived from its reason code; pure. docs/reasons.md lists the same."""

from __future__ import annotations

from enum import StrEnum


class WaitingReason(StrEnum):
    """Reason codes of waiting deliveries, besides those of failed calls (`retry_policy.Failure.name`)."""

    SHOP_MISSING = "shop_missing"
    SEARCHING = "searching"
    PURCHASE_AFTER = "purchase_after"
    KEY_WAIT = "key_wait"


class DeadReason(StrEnum):
    """Reason codes of dead deliveries, besides those of failed calls."""

    UNREADABLE = "unreadable"
    TRANSLATION_ERROR = "translation_error"
    POISONED = "poisoned"


class Cause(StrEnum):
    """What has to be corrected before a dead delivery is replayed; the value is what `--fault` takes."""

    RECEIVER = "ours"  # a bug in this program, or a worker that crashed
    TWEAKWISE = "theirs"  # Tweakwise, or the network on the way there
    DATA = "data"  # the payload, or what the shop's configuration makes of it


# How the reason codes of each cause begin; no prefix is also a prefix of another.
REASON_PREFIXES = {
    Cause.RECEIVER: (DeadReason.TRANSLATION_ERROR, DeadReason.POISONED),
    Cause.TWEAKWISE: ("gave_up_", "parked_", "http_5"),
    Cause.DATA: (DeadReason.UNREADABLE, "http_4"),
}
TITLES = {
    Cause.RECEIVER: "a bug in the receiver",
    Cause.TWEAKWISE: "Tweakwise or the network",
    Cause.DATA: "invalid data",
}


def cause_of(reason: str) -> Cause | None:
    """Return the cause of a dead delivery's reason code, None for any other text."""
    return next((cause for cause, prefixes in REASON_PREFIXES.items() if reason.startswith(prefixes)), None)
