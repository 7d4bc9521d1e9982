"""Findings of health checks as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webhook_app.cli.support.terminal import fitted, margin
from webhook_app.health.finding import Finding, Severity
from webhook_app.health.folding import folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.health.folding import FindingGroup

COLOURS = {Severity.OK: "green", Severity.INFO: "bright_black", Severity.WARNING: "yellow", Severity.ERROR: "red"}
FIELDS = ("check", "severity", "text", "advice", "name", "shop", "sample", "muted")
NOTED = ("breaker", "rate", "signatures")  # checks whose info explains why something is slow or missing
INDENT = 11  # columns before a finding's text


def coloured(severity: Severity) -> str:
    """Return a severity, as wide as the longest."""
    return click.style(f"{severity:<8}", fg=COLOURS[severity])


def finding_record(finding: Finding) -> dict[str, object]:
    """Return a finding for a program."""
    return {name: getattr(finding, name) for name in FIELDS}


def finding_lines(found: Sequence[Finding]) -> list[str]:
    """Return the lines of a section: what needs attention, folded, and what explains a delay."""
    groups = folded(one for one in found if not one.is_muted)
    muted = [f"  {one.name} {one.muted}" for one in found if one.is_muted]
    problems = [group for group in groups if group.findings[0].needs_attention]
    noted = [one for one in groups if one.severity is Severity.INFO and one.findings[0].check in NOTED]
    heading = "Needs attention:" if problems else "Nothing needs attention."
    lines = ["", heading, *(line for group in [*problems, *noted] for line in _group(group))]
    return [*lines, *(["", "Muted:", *muted] if muted else [])]


def _group(group: FindingGroup) -> Iterator[str]:
    yield fitted(f"  {coloured(group.severity)} {group.text}", INDENT)
    if len(group.findings) > 1:
        names = ", ".join(sorted(one.shop for one in group.findings))
        yield fitted(f"{margin(INDENT)}{names}", INDENT)
    if group.advice:
        yield fitted(f"{margin(INDENT)}{group.advice}", INDENT)
