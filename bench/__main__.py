"""python -m bench: plays scenarios, writes their results, and redraws docs/benchmarks.md."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench import report_page, results, scenarios
from bench.conditions import conditions
from bench.paths import PAGE, PICTURE, RESULTS, TRIAL

if TYPE_CHECKING:
    from bench.scenario import Options, Scenario

NAMES = [scenario.name for scenario in scenarios.ALL]


@click.command()
@click.option("--only", "names", multiple=True, type=click.Choice(NAMES), help="Play this scenario (repeatable).")
@click.option("--rounds", type=click.IntRange(1), help="Rounds; each contestant runs once per round.")
@click.option("--seconds", type=click.FloatRange(1), help="Seconds that each run is measured.")
@click.option("--full", is_flag=True, help="Play whole: more rounds and the largest sizes; only this is published.")
@click.option("--draw", is_flag=True, help="Measure nothing, only redraw the page from the stored results.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the JSON results.")
def main(names: tuple[str, ...], out: Path | None, *, full: bool, draw: bool, **given: Any) -> None:
    """Compare the receiver with hand-written alternatives; only ratios within one run are meaningful.

    Ends with 1 when a run is invalid, for example because a webhook that was answered with 2xx is not stored.
    """
    out = out or (RESULTS if full or draw else TRIAL)
    chosen = [] if draw else [one for one in scenarios.ALL if one.name in names or not names]
    changed = {name: value for name, value in given.items() if value}
    valid = [_play(one, replace(options, **changed), out) for one in chosen if (options := _options(one, full=full))]
    if out == RESULTS:
        _draw()
    sys.exit(0 if all(valid) else 1)


def _options(scenario: Scenario, *, full: bool) -> Options | None:
    if not full and scenario.usual is None:
        click.echo(f"{scenario.title}: only with --full", err=True)
    return scenario.in_full if full else scenario.usual


def _play(scenario: Scenario, options: Options, out: Path) -> bool:
    """Play one scenario and store the result; returns whether it is valid."""
    click.echo(f"{scenario.title} ...", err=True)
    measured_under, began = conditions(), time.monotonic()
    runs = scenario.play(options)
    record = results.as_record(scenario, options, measured_under, runs, time.monotonic() - began)
    results.write(record, out)
    click.echo(results.summary(scenario, record))
    return not record["faults"]


def _draw() -> None:
    records = results.read(RESULTS)
    PAGE.write_text(report_page.redrawn(PAGE.read_text(encoding="utf-8"), records), encoding="utf-8")
    PICTURE.write_text(report_page.picture(records), encoding="utf-8")


if __name__ == "__main__":
    main()
