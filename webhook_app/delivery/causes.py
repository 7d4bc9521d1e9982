"""Whose fault it is that a delivery is dead; pure. docs/reasons.md says the same beside each reason."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Who has to mend something."""

    OURS = "ours"  # a mistake in this program, or a worker that was killed over it
    THEIRS = "theirs"  # Tweakwise, or the network on the way there
    DATA = "data"  # the payload, or what a shop's configuration makes of it


# How the reasons of each begin; no beginning is also the beginning of another.
REASON_PREFIXES = {
    Cause.OURS: ("translation_error", "poisoned"),
    Cause.THEIRS: ("gave_up_", "parked_", "http_5"),
    Cause.DATA: ("unreadable", "http_4"),
}
TITLES = {Cause.OURS: "ours", Cause.THEIRS: "theirs (Tweakwise or the network)", Cause.DATA: "the data's"}


def cause_of(reason: str) -> Cause | None:
    """Say whose fault a dead delivery's reason is, None for a word that is no such reason."""
    return next((fault for fault, beginnings in REASON_PREFIXES.items() if reason.startswith(beginnings)), None)
