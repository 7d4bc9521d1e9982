"""A scenario and its results, as values."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    """An expectation: a figure of `contestant`, or its ratio to `rival`'s in the same round, within bounds.

    It is met by the median of the rounds, or by `every` round.
    """

    contestant: str
    figure: str
    rival: str = ""
    at_least: float | None = None
    at_most: float | None = None
    every: bool = False

    def values(self, runs: Sequence[Run]) -> list[float]:
        """Return the value of each round; none where one of the two did not run."""
        mine, other = (_by_round(runs, name, self.figure) for name in (self.contestant, self.rival or self.contestant))
        return [mine[each] / other[each] if self.rival else mine[each] for each in mine if other.get(each)]

    def of_medians(self, runs: Sequence[Run]) -> float | None:
        """Return the ratio of both medians; None without a rival, or where one of the two did not run."""
        mine, other = (_by_round(runs, name, self.figure).values() for name in (self.contestant, self.rival))
        return statistics.median(mine) / statistics.median(other) if mine and other else None

    def verdict(self, values: Sequence[float]) -> bool | None:
        """Return whether the target is met, None where nothing was measured."""
        judged = values if self.every else [statistics.median(values)] if values else []
        return all(map(self._met, judged)) if judged else None

    def _met(self, value: float) -> bool:
        """Return whether `value` is within the bounds."""
        enough = self.at_least is None or value >= self.at_least
        return enough and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target as text, the median of the rounds, their lowest and highest value, the ratio of medians, and the result.

    All but the text are None where nothing was measured.
    """

    target: str
    median: float | None
    bounds: tuple[float, float] | None
    of_medians: float | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One comparison: its contestants, its figures (name to heading), and how they are measured.

    `usual` is a short play, `in_full` one whose result is published; without `usual` there is no short one.
    """

    name: str
    title: str
    about: str
    contestants: Mapping[str, str]
    figures: Mapping[str, str]
    targets: Sequence[Target]
    play: Callable[[Options], list[Run]]
    usual: Options | None
    in_full: Options


def medians(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Return each contestant's median of every figure over its rounds."""
    names = dict.fromkeys(run.contestant for run in runs)
    return {name: _median_of([run.figures for run in runs if run.contestant == name]) for name in names}


def verdicts(scenario: Scenario, runs: Sequence[Run]) -> list[Verdict]:
    """Return every target with what was measured."""
    return [_verdict(describe(scenario, target), target, runs) for target in scenario.targets]


def _verdict(text: str, target: Target, runs: Sequence[Run]) -> Verdict:
    values = target.values(runs)
    median, bounds = (statistics.median(values), (min(values), max(values))) if values else (None, None)
    return Verdict(text, median, bounds, target.of_medians(runs), target.verdict(values))


def describe(scenario: Scenario, target: Target) -> str:
    """Return a target as text."""
    what = scenario.figures[target.figure]
    against = f", compared with {scenario.contestants[target.rival]}" if target.rival else ""
    times = "x" if target.rival else ""
    bounds = [(">=", target.at_least), ("<=", target.at_most)]
    wanted = " and ".join(f"{sign} {bound:g}{times}" for sign, bound in bounds if bound is not None)
    often = ", in every round" if target.every else ""
    return f"{scenario.contestants[target.contestant]}{against}: {what} {wanted}{often}"


def _by_round(runs: Sequence[Run], contestant: str, figure: str) -> dict[int, float]:
    return {run.round: run.figures[figure] for run in runs if run.contestant == contestant and figure in run.figures}


def _median_of(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(each[name] for each in figures) for name in figures[0]}
