"""setup.sh: makes .venv with a Python that is new enough, once, and installs only what has a digest."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "setup.sh"
# In place of a Python: answers what setup.sh asks, makes environments of itself, and notes what it installs.
PYTHON = """#!/bin/sh
case "$*" in
    *version_info*print*|*print*version_info*) echo {version} ;;
    *version_info*) exit {too_old} ;;
    *"import pip"*) exit 0 ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip "*) echo "$*" >> {log}; exit {fails} ;;
esac
"""


class Machine:
    """A folder of Pythons, a requirements file, and where the environment is made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.venv, self.locked = folder, folder / ".venv", folder / "requirements.txt"
        self.log = folder / "installed"
        self.locked.write_text("Flask==1 --hash=sha256:0\n")

    def python(self, path: Path, version: str, *, fails: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        too_old = int(int(version.split(".")[1]) < 11)
        path.write_text(PYTHON.format(version=version, too_old=too_old, log=self.log, fails=fails))
        path.chmod(0o755)

    def setup(self, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{self.folder / 'bin'}:{os.defpath}"} | variables
        return subprocess.run([SETUP, self.venv, self.locked], env=env, capture_output=True, text=True, check=False)

    def made_with(self) -> str:
        return subprocess.check_output([self.venv / "bin/python", "-c", "print version_info"], text=True).strip()

    def installs(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One whose `python3` is 3.11."""
    machine = Machine(tmp_path)
    machine.python(tmp_path / "bin/python3", "3.11")
    return machine


def test_installs_with_digests_and_only_what_changed(machine: Machine) -> None:
    """The second call does nothing; other requirements are installed, also those of an older version."""
    assert [machine.setup().returncode, machine.setup().returncode] == [0, 0]
    assert "--require-hashes" in machine.log.read_text()
    assert machine.installs() == 1
    machine.locked.write_text("Flask==2 --hash=sha256:0\n")
    os.utime(machine.locked, (1, 1))
    assert machine.setup().returncode == 0
    assert machine.installs() == 2


def test_an_installation_that_failed_is_tried_again(machine: Machine) -> None:
    """A registry that cannot be reached leaves nothing that looks installed."""
    machine.python(machine.folder / "bin/python3", "3.11", fails=1)
    assert machine.setup().returncode != 0
    machine.python(machine.venv / "bin/python", "3.11")
    assert (machine.setup().returncode, machine.installs()) == (0, 2)


@pytest.mark.parametrize("broken", ["too old", "gone", "not executable", "a file"])
def test_an_environment_that_cannot_be_used_is_made_anew(machine: Machine, broken: str) -> None:
    """Its Python is older than 3.11, or was removed from the machine."""
    inside = machine.venv / "bin/python"
    if broken == "a file":
        machine.venv.write_text("")
    else:
        machine.python(inside, "3.9" if broken == "too old" else "3.12")
        (machine.venv / "requirements.txt").write_text(machine.locked.read_text())
    if broken == "gone":
        inside.unlink()
        inside.symlink_to(machine.folder / "removed/python3.12")
    if broken == "not executable":
        inside.chmod(0o644)
    done = machine.setup()
    assert (done.returncode, machine.made_with(), machine.installs()) == (0, "3.11", 1), done.stderr
    assert ".venv is made anew with python3 3.11" in done.stderr


def test_the_python_that_is_named_is_taken(machine: Machine) -> None:
    """PYTHON=python3.13 makes an environment of another version anew; without it, one that is new enough stays."""
    machine.python(machine.folder / "bin/python3.13", "3.13")
    assert (machine.setup(PYTHON="python3.13").returncode, machine.made_with()) == (0, "3.13")
    assert (machine.setup().returncode, machine.made_with()) == (0, "3.13")
    assert (machine.setup(PYTHON="python3").returncode, machine.made_with()) == (0, "3.11")


def test_a_python_that_is_too_old_is_refused_first(machine: Machine) -> None:
    """Before anything is made, with the version that is needed; another Python of the machine is found by itself."""
    machine.python(machine.folder / "bin/python3.9", "3.9")
    refused = machine.setup(PYTHON="python3.9")
    assert (refused.returncode, machine.venv.exists()) == (1, False)
    assert "Python 3.11 or newer is needed; python3.9 is 3.9." in refused.stderr
    machine.python(machine.folder / "bin/python3", "3.9")
    machine.python(machine.folder / "bin/python3.14", "3.14")
    assert (machine.setup().returncode, machine.made_with()) == (0, "3.14")
    assert "missing" in machine.setup(PYTHON="python3.99").stderr
