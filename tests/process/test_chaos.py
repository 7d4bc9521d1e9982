"""The suite of faults: its short form passes, and the page about it shows what was measured."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from chaos import report, senders
from chaos.__main__ import SHORT_ROUNDS, play
from chaos.scenarios import every
from chaos.slow_connections import SENT
from tests.support.processes import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.pool import AsyncResult

AT_A_TIME = 4  # scenarios; they wait more than they work
LIMIT = 240  # seconds, for a machine on which everything is slow
BY_ITS_COMMAND = "replayed requests"
HAS_NO_SHORT_FORM = "black friday"
SHORT_ONES = [name for name in every() if name not in (BY_ITS_COMMAND, HAS_NO_SHORT_FORM)]
RESULTS = json.loads(report.KEPT.read_text())


@pytest.fixture(scope="module")
def played() -> Iterator[dict[str, AsyncResult[report.Result]]]:
    """Every scenario, a few side by side, each in a process of its own that is forked from one that loaded them all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run.__module__ for run in every().values()])
    with mock.patch.dict(os.environ, environment(), clear=True):
        pool = context.Pool(AT_A_TIME, maxtasksperchild=1)
    with pool:
        yield {name: pool.apply_async(play, (name, SHORT_ROUNDS), {"short": True}) for name in SHORT_ONES}


@pytest.mark.parametrize("name", SHORT_ONES)
def test_short_form(played: dict[str, AsyncResult[report.Result]], name: str) -> None:
    """What a scenario promises holds."""
    result = played[name].get(LIMIT)
    if result.skipped:
        pytest.skip(result.skipped)
    assert not result.faults, report.line(result)


def test_command() -> None:
    """The command plays a scenario, and prints its verdict and the table."""
    command = [sys.executable, "-m", "chaos", "--short", "--only", BY_ITS_COMMAND]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith(f"passed   {BY_ITS_COMMAND} (")
    assert f"| {BY_ITS_COMMAND} | " in ended.stdout


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
