"""A running receiver of an earlier version is replaced by this one, on the same database, under load."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import time
from typing import TYPE_CHECKING

from chaos.errors import SkippedError
from chaos.system import ROOT
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.context import Context
    from chaos.system import System

# Any commit from this one on, since when migrations are only added: UPGRADE_FROM=HEAD~1 for the previous one.
FROM = os.environ.get("UPGRADE_FROM", "d89115baca6f2421ac1d3cd09690b3db9640b287")
LASTS, SHORT_LASTS = 8.0, 1.0  # seconds of each step
STOPS_WITHIN = 25.0  # seconds


def run(context: Context) -> None:
    """An earlier version's processes and this one's share a migrated database: nothing is lost or counted twice."""
    code = context.folder / "old"
    _unpack(code)
    if context.short:
        context.postgres()
        _upgrade(context, code)
    else:
        context.on_both_engines(lambda track: _upgrade(track, code))


def _upgrade(context: Context, code: Path) -> None:
    tweakwise = context.tweakwise()
    tweakwise.delay = 0.01
    (context.folder / "earlier").mkdir()
    old = context.system(tweakwise.url, context.folder / "earlier", code=str(code))
    context.database_url = old.database_url
    web, worker = old.start_web(), old.start_worker()
    with Traffic(old.port, senders=2, pause=context.pause(0.02)) as shop:
        _lasts(context)
        new = context.system(tweakwise.url)  # which migrates
        _lasts(context)
        context.expect(not shop.refusals, f"The earlier version refused after the migration: {dict(shop.refusals)}")
        context.expect_alive(old, web=web, worker=worker)
        new.start_worker()
        new.start_web()
        with Traffic(new.port, senders=2, pause=context.pause(0.02)) as other:
            _lasts(context)
            for process in (worker, web):
                process.terminate()
                context.expect(process.wait(STOPS_WITHIN) == 0, "A process of the earlier version did not stop well.")
            _lasts(context)
        context.expect(not other.refusals, f"This version refused: {dict(other.refusals)}")
    shop.add(other)
    if not context.short:
        shop.add(_gone_back(context, old))
    context.sum_up(new, shop, tweakwise)
    _check_log(context, old, new)


def _gone_back(context: Context, old: System) -> Traffic:
    """Start the earlier version again, on what this one has written."""
    worker, web = old.start_worker(), old.start_web()
    with Traffic(old.port, senders=2, pause=0.02) as shop:
        _lasts(context)
    context.expect(not shop.refusals, f"The earlier version refused after going back: {dict(shop.refusals)}")
    context.expect_alive(old, web=web, worker=worker)
    return shop


def _check_log(context: Context, *systems: System) -> None:
    for system in systems:
        odd = [line for line in system.logged().splitlines() if "unexpected_error" in line or "Traceback" in line]
        context.expect(not odd, f"Errors in the log: {odd[:1]}")


def _lasts(context: Context) -> None:
    time.sleep(SHORT_LASTS if context.short else LASTS)


def _unpack(folder: Path) -> None:
    """Unpack the earlier version; raises SkippedError where this is no clone that has it."""
    if not (git := shutil.which("git")):
        raise SkippedError("there is no git")
    archive = subprocess.run(  # noqa: S603 - fixed words
        [git, "archive", FROM], cwd=ROOT, check=False, capture_output=True
    )
    if archive.returncode:
        raise SkippedError(f"the history of this repository does not have commit {FROM[:10]}: git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
