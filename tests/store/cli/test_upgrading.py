"""Updating and going back, as docs/upgrading.md says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import SHOP
from tests.support.processes import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/upgrading.md").read_text(encoding="utf-8")
PYTHON = f"""#!/bin/sh
case "$*" in
    "-m pip install --require-hashes -r requirements.txt") echo "installed $(cat requirements.txt)" >> "$LOG" ;;
    *) exec {sys.executable} "$@" ;;
esac
"""
SYSTEMCTL = '#!/bin/sh\necho "systemctl $*" >> "$LOG"\n'


def documented(heading: str) -> str:
    """The commands below a heading of the page."""
    found = re.search(rf"^## {heading}\n.*?```sh\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def release(folder: Path, version: str) -> None:
    (folder / "requirements.txt").write_text(version)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", version)
    git(folder, "tag", f"v{version}")


@pytest.mark.engines("sqlite")
@pytest.mark.skipif(not shutil.which("git"), reason="no git")
def test_commands_of_the_page_work(migrated_file: Path, tmp_path: Path) -> None:
    """Both versions are checked out and installed before the reload; a backup was made before."""
    origin, clone, log, programs = (tmp_path / name for name in ("origin", "clone", "log", "bin"))
    origin.mkdir()
    git(origin, "init", "-q")
    release(origin, "0.1.0")
    git(tmp_path, "clone", "-q", str(origin), str(clone))
    release(origin, "1.0.0")
    programs.mkdir()
    for name, text in (("python", PYTHON), ("systemctl", SYSTEMCTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (clone / "inbox.db").write_bytes(migrated_file.read_bytes())
    env = environment(SHOPS=SHOP, DATABASE_URL="sqlite:///inbox.db", PYTHONPATH=str(ROOT), LOG=str(log))
    env["PATH"] = f"{programs}:{env['PATH']}"
    for heading in ("Update", "Go back"):
        done = subprocess.run(
            ["/bin/sh", "-ec", documented(heading)], cwd=clone, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    reload = "systemctl reload tweakwise-webhooks"
    assert log.read_text().splitlines() == ["installed 1.0.0", reload, "installed 0.1.0", reload]
    assert [*clone.glob("backup-*.db")]
