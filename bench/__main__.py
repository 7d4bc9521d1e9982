"""python -m bench: plays scenarios, writes what came out, and draws it anew."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from bench import results, scenarios
from bench.conditions import conditions
from bench.places import RESULTS

NAMES = [scenario.name for scenario in scenarios.ALL]


@click.command()
@click.option("--only", "names", multiple=True, type=click.Choice(NAMES), help="Play this scenario (repeatable).")
@click.option("--rounds", type=click.IntRange(1), help="How often each contestant has its turn.")
@click.option("--seconds", type=click.FloatRange(1), help="How long a turn is measured.")
@click.option("--full", is_flag=True, help="Take the time that the largest sizes need.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS, help="Where the JSON goes.")
def main(names: tuple[str, ...], rounds: int | None, seconds: float | None, full: bool, out: Path) -> None:  # noqa: FBT001 - click's way
    """Compare the receiver with what one would write by hand; every figure is worth something only beside the others.

    Ends with 1 when a run is invalid: a webhook that was answered with 2xx is not stored.
    """
    sound = True
    given = {name: value for name, value in (("rounds", rounds), ("seconds", seconds)) if value is not None}
    for scenario in scenarios.ALL:
        if not names or scenario.name in names:
            options = replace(scenario.usual, full=full, **given)
            around, began = conditions(), time.monotonic()
            runs = scenario.play(options)
            record = results.as_record(scenario, options, around, runs, time.monotonic() - began)
            results.write(record, out)
            click.echo(results.told(record))
            sound = sound and not record["faults"]
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
