"""Shows findings of many shops with the same cause as one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from webhook_app.health.finding import Severity
from webhook_app.health.thresholds import FOLDED_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhook_app.health.finding import Finding

ORDER = [Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.OK]


@dataclass(frozen=True)
class FindingGroup:
    """One finding, or those of several shops with the same cause."""

    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """How bad they are, which is the same for all."""
        return self.findings[0].severity

    @property
    def text(self) -> str:
        """The finding's sentence, or the number of shops and what is the same."""
        if len(self.findings) == 1:
            return self.findings[0].text
        return f"{len(self.findings)} shops: {self.findings[0].summary}."

    @cached_property  # a page asks for it beside each finding
    def advice(self) -> str:
        """What to do, where it is the same for all but for the shop's name."""
        if len(self.findings) == 1:
            return self.findings[0].advice
        same = {one.advice.replace(f"--shop {one.shop}", "--shop NAME") for one in self.findings}
        return same.pop() if len(same) == 1 else ""


def folded(findings: Iterable[Finding]) -> list[FindingGroup]:
    """Return the findings in groups, the worst first; within a severity in their order."""
    same: dict[tuple[object, ...], list[Finding]] = {}
    for one in sorted(findings, key=lambda one: ORDER.index(one.severity)):
        same.setdefault((one.severity, one.check, one.summary or one.name), []).append(one)
    groups: list[FindingGroup] = []
    for members in same.values():
        if len({one.shop for one in members}) >= FOLDED_FROM:
            groups.append(FindingGroup(tuple(members)))
        else:
            groups += [FindingGroup((one,)) for one in members]
    return groups
