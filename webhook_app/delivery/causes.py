"""Whose fault it is that a delivery is dead; pure. docs/reasons.md says the same beside each reason."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Who has to mend something."""

    OURS = "ours"  # a mistake in this program, or a worker that was killed over it
    THEIRS = "theirs"  # Tweakwise, or the network on the way there
    DATA = "data"  # the payload, or what a shop's configuration makes of it


# How the reasons of each begin; no beginning is also the beginning of another.
BEGINNINGS = {
    Fault.OURS: ("translation_error", "poisoned"),
    Fault.THEIRS: ("gave_up_", "parked_", "http_5"),
    Fault.DATA: ("unreadable", "http_4"),
}
TITLES = {Fault.OURS: "ours", Fault.THEIRS: "theirs (Tweakwise or the network)", Fault.DATA: "the data's"}


def fault_of(reason: str) -> Fault | None:
    """Say whose fault a dead delivery's reason is, None for a word that is no such reason."""
    return next((fault for fault, beginnings in BEGINNINGS.items() if reason.startswith(beginnings)), None)
