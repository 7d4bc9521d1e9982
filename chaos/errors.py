"""How a scenario ends that cannot run here."""

from __future__ import annotations


class SkippedError(Exception):
    """The scenario cannot run here, for the reason that it names."""
