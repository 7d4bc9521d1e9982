"""A scenario and its results, as values."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure: `rounds` of `seconds` for each contestant; `full` uses the largest sizes."""

    rounds: int
    seconds: float
    full: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement of one contestant. A `fault` says why its figures are invalid."""

    contestant: str
    round: int
    figures: Mapping[str, float]
    fault: str = ""
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """An expectation: a figure of `contestant`, or its ratio to `rival`'s in the same round, within bounds."""

    contestant: str
    figure: str
    rival: str = ""
    at_least: float | None = None
    at_most: float | None = None

    def value(self, runs: Sequence[Run]) -> float | None:
        """Return the median over the rounds, None where one did not run."""
        mine, other = (_by_round(runs, name, self.figure) for name in (self.contestant, self.rival or self.contestant))
        values = [mine[each] / other[each] if self.rival else mine[each] for each in mine if other.get(each)]
        return statistics.median(values) if values else None

    def met(self, value: float) -> bool:
        """Return whether `value` is within the bounds."""
        enough = self.at_least is None or value >= self.at_least
        return enough and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One comparison: its contestants, its figures (name to heading), and how they are measured."""

    name: str
    title: str
    about: str
    contestants: Mapping[str, str]
    figures: Mapping[str, str]
    targets: Sequence[Target]
    play: Callable[[Options], list[Run]]
    usual: Options


def medians(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Return each contestant's median of every figure over its rounds."""
    names = dict.fromkeys(run.contestant for run in runs)
    return {name: _median_of([run.figures for run in runs if run.contestant == name]) for name in names}


def verdicts(scenario: Scenario, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return every target with its measured value."""
    measured_targets = []
    for target in scenario.targets:
        value = target.value(runs)
        met = None if value is None else target.met(value)
        measured_targets.append({"target": describe(scenario, target), "measured": value, "met": met})
    return measured_targets


def describe(scenario: Scenario, target: Target) -> str:
    """Return a target as text."""
    what = scenario.figures[target.figure]
    against = f", compared with {scenario.contestants[target.rival]}" if target.rival else ""
    times = "x" if target.rival else ""
    bounds = [(">=", target.at_least), ("<=", target.at_most)]
    wanted = " and ".join(f"{sign} {bound:g}{times}" for sign, bound in bounds if bound is not None)
    return f"{scenario.contestants[target.contestant]}{against}: {what} {wanted}"


def _by_round(runs: Sequence[Run], contestant: str, figure: str) -> dict[int, float]:
    return {run.round: run.figures[figure] for run in runs if run.contestant == contestant and figure in run.figures}


def _median_of(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(each[name] for each in figures) for name in figures[0]}
