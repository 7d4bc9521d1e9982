"""The suite of faults: its short form passes, and the page about it shows what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from chaos import report, senders
from chaos.scenarios import every
from chaos.slow_connections import SENT
from tests.support.processes import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_A_TIME = 4  # scenarios; they wait more than they work
LIMIT = 240  # seconds, for a machine on which everything is slow
RESULTS = json.loads(report.KEPT.read_text())


def play(name: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one scenario by its command, in its short form."""
    return subprocess.run(
        [sys.executable, "-m", "chaos", "--short", "--only", name],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.fixture(scope="module")
def played() -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """Every scenario, a few side by side.

    They get a copy of the environment: pytest writes the running test's name into it, and a child that is started in
    that moment by another thread would find the C library's table moved away (execv: EFAULT, "Bad address").
    """
    env = environment()
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        yield {name: threads.submit(play, name, env) for name in every()}


@pytest.mark.parametrize("name", every())
def test_short_form(played: dict[str, Future[subprocess.CompletedProcess[str]]], name: str) -> None:
    """What a scenario promises holds."""
    ended = played[name].result()
    if ended.stdout.startswith("skipped"):
        pytest.skip(ended.stdout.splitlines()[0])
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_page_says_what_was_measured() -> None:
    """The tables in docs/faults.md are those of chaos/results.json."""
    page = report.PAGE.read_text()
    assert report.page(page) == page


def test_every_scenario_is_in_the_table() -> None:
    """A scenario that is added or renamed must be run."""
    assert set(RESULTS["scenarios"]) == set(every())
    assert {name: one["about"] for name, one in RESULTS["scenarios"].items()} == {
        name: report.about(run) for name, run in every().items()
    }


def test_every_kept_result_passed() -> None:
    """What failed or was skipped is no result to show."""
    assert not [one for one in RESULTS["scenarios"].values() if one["faults"] or one["skipped"]]


def test_senders_are_in_the_table() -> None:
    """Every way to serve was measured beside every kind of slow sender."""
    kinds = {"none", *SENT}
    assert {way: set(one["measured"]) for way, one in RESULTS["senders"].items()} == dict.fromkeys(senders.WAYS, kinds)
