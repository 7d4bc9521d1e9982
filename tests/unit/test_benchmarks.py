"""The page of benchmarks says what the kept results say. Nothing is timed here."""

from __future__ import annotations

import pytest

from bench import report_page, results, scenarios
from bench.paths import PAGE, PICTURE, RESULTS
from bench.scenario import Options, Run, Scenario, Target, Verdict, medians, verdicts

RECORDS = results.read(RESULTS)
RUNS = [
    Run("ours", 0, {"rate": 30.0, "p99": 5.0}),
    Run("rival", 0, {"rate": 10.0, "p99": 9.0}),
    Run("ours", 1, {"rate": 10.0, "p99": 7.0}),
    Run("rival", 1, {"rate": 10.0, "p99": 9.0}),
]


def scenario(*targets: Target) -> Scenario:
    return Scenario(
        name="made-up",
        title="Made up",
        about="Nothing.",
        contestants={"ours": "ours", "rival": "a rival"},
        figures={"rate": "a second", "p99": "p99, ms"},
        targets=targets,
        play=lambda _options: RUNS,
        usual=Options(rounds=2, seconds=1),
        in_full=Options(rounds=2, seconds=1),
    )


def test_the_page_is_drawn_from_the_results() -> None:
    """After `make bench`, or `python -m bench --draw`, nothing between the markers differs."""
    written = PAGE.read_text(encoding="utf-8")
    assert report_page.redrawn(written, RECORDS) == written


def test_the_picture_is_drawn_from_the_results() -> None:
    """The same for the chart."""
    assert PICTURE.read_text(encoding="utf-8") == report_page.picture(RECORDS)


def test_every_result_is_on_the_page() -> None:
    """No scenario is kept and not shown."""
    assert set(RECORDS) <= {each.name for each in scenarios.ALL}


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_no_kept_result_is_invalid(name: str) -> None:
    """A run whose rows do not add up is not published."""
    assert RECORDS[name]["faults"] == []


def test_a_ratio_is_taken_within_a_round() -> None:
    """The median of the rounds' ratios decides, and not the ratio of medians, which is shown too."""
    (verdict,) = verdicts(scenario(Target("ours", "rate", "rival", at_least=1.5)), RUNS)
    text = "ours, compared with a rival: a second >= 1.5x"
    assert verdict == Verdict(text, 2.0, (1.0, 3.0), 2.0, met=True)


def test_a_bound_can_be_missed() -> None:
    """A figure above the upper bound is reported as missed."""
    (verdict,) = verdicts(scenario(Target("ours", "p99", at_most=5)), RUNS)
    assert verdict == Verdict("ours: p99, ms <= 5", 6.0, (5.0, 7.0), None, met=False)


def test_a_target_of_every_round_is_missed_by_one() -> None:
    """Whatever the median is."""
    (verdict,) = verdicts(scenario(Target("ours", "rate", at_least=15, every=True)), RUNS)
    assert verdict == Verdict("ours: a second >= 15, in every round", 20.0, (10.0, 30.0), None, met=False)


def test_what_did_not_run_is_neither_met_nor_missed() -> None:
    """A result that was stored before a contestant was added."""
    (verdict,) = verdicts(scenario(Target("ours", "rate", "rival", at_least=1)), RUNS[:1])
    assert verdict == Verdict("ours, compared with a rival: a second >= 1x", None, None, None, None)


def test_medians_are_taken_over_rounds() -> None:
    """Each contestant's own."""
    assert medians(RUNS) == {"ours": {"rate": 20.0, "p99": 6.0}, "rival": {"rate": 10.0, "p99": 9.0}}
