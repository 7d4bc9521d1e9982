"""python -m bench: plays scenarios, writes what came out, and draws it anew."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench import page, results, scenarios
from bench.conditions import conditions
from bench.places import PAGE, PICTURE, RESULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.shape import Scenario

NAMES = [scenario.name for scenario in scenarios.ALL]


@click.command()
@click.option("--only", "names", multiple=True, type=click.Choice(NAMES), help="Play this scenario (repeatable).")
@click.option("--rounds", type=click.IntRange(1), help="How often each contestant has its turn.")
@click.option("--seconds", type=click.FloatRange(1), help="How long a turn is measured.")
@click.option("--full", is_flag=True, help="Take the time that the largest sizes need.")
@click.option("--draw", is_flag=True, help="Measure nothing, only draw the page from the kept results.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS, help="Where the JSON goes.")
def main(names: tuple[str, ...], out: Path, *, draw: bool, **given: float | bool | None) -> None:
    """Compare the receiver with what one would write by hand; every figure is worth something only beside the others.

    Ends with 1 when a run is invalid, for example because a webhook that was answered with 2xx is not stored.
    """
    chosen = [] if draw else [scenario for scenario in scenarios.ALL if not names or scenario.name in names]
    sound = [_play(scenario, {name: value for name, value in given.items() if value}, out) for scenario in chosen]
    if out == RESULTS:
        _draw()
    sys.exit(0 if all(sound) else 1)


def _play(scenario: Scenario, given: Mapping[str, Any], out: Path) -> bool:
    """Play one scenario and store the result; returns whether it is valid."""
    click.echo(f"{scenario.title} ...", err=True)
    options = replace(scenario.usual, **given)
    around, began = conditions(), time.monotonic()
    runs = scenario.play(options)
    record = results.as_record(scenario, options, around, runs, time.monotonic() - began)
    results.write(record, out)
    click.echo(results.summary(record))
    return not record["faults"]


def _draw() -> None:
    records = results.read(RESULTS)
    PAGE.write_text(page.redrawn(PAGE.read_text(encoding="utf-8"), records), encoding="utf-8")
    PICTURE.write_text(page.picture(records), encoding="utf-8")


if __name__ == "__main__":
    main()
