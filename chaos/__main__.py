"""`python -m chaos`: runs the scenarios, prints their table, and stores it in docs/faults.md with --keep."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path

import click

from chaos import report
from chaos.context import Context
from chaos.errors import SkippedError
from chaos.scenarios import every

SHORT_ROUNDS = 4
LIMIT, SHORT_LIMIT = 1800, 220  # seconds for one scenario; one that hangs has failed


@click.command()
@click.option("--only", multiple=True, help="Run only this scenario (repeatable).")
@click.option("--rounds", type=click.IntRange(1), default=200, show_default=True, help="Kills of a scenario of kills.")
@click.option("--short", is_flag=True, help="A few rounds of everything, as the tests run it.")
@click.option("--keep", is_flag=True, help="Put the result into docs/faults.md, in place of the same scenarios' last.")
def main(*, only: tuple[str, ...], rounds: int, short: bool, keep: bool) -> None:
    """Break things on purpose and check that nothing acknowledged is lost."""
    scenarios = every()
    if unknown := set(only) - set(scenarios):
        raise click.BadParameter(f"{', '.join(unknown)}; there are {', '.join(scenarios)}")
    if keep and short:
        raise click.UsageError("--keep stores full runs only: leave --short out.")
    results = []
    for name in only or scenarios:
        results.append(play(name, min(rounds, SHORT_ROUNDS) if short else rounds, short=short))
        click.echo(report.line(results[-1]))
        if keep:
            report.store(results[-1])
    click.echo(report.table(results))
    sys.exit(any(result.faults for result in results))


def play(name: str, rounds: int, *, short: bool) -> report.Result:
    """Run one scenario in a folder of its own and return what it found."""
    began, skipped = time.monotonic(), ""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, Context(Path(folder), rounds, short) as context:
        signal.signal(signal.SIGALRM, _time_is_up)
        signal.alarm(SHORT_LIMIT if short else LIMIT)
        try:
            every()[name](context)
        except SkippedError as error:
            skipped = str(error)
        except Exception as error:  # noqa: BLE001 - one scenario's end is not the suite's
            context.faults.append(f"{type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
    return report.Result(
        name,
        report.about(every()[name]),
        context.figures,
        context.faults,
        skipped,
        round(time.monotonic() - began, 1),
    )


def _time_is_up(*_: object) -> None:
    raise TimeoutError("The scenario did not come to its end.")


if __name__ == "__main__":
    main()
