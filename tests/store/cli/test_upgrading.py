"""Updating and going back, as docs/upgrading.md says, with git and from a release archive."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
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
RUNUSER = '#!/bin/sh\nshift 3\nexec "$@"\n'  # as this user: `-u tweakwise --` come before the command
RELOAD = "systemctl reload tweakwise-webhooks"
PROGRAMS = ("git", "sha256sum", "tar")

pytestmark = [
    pytest.mark.engines("sqlite"),
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason=f"needs {', '.join(PROGRAMS)}"),
]


def documented(heading: str) -> str:
    """The commands below a heading of the page."""
    found = re.search(rf"^##+ {heading}\n.*?```sh\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@dataclass(frozen=True, slots=True)
class Server:
    """A server of docs/hosts/server.md in a folder: the project, and the programs that the pages call."""

    root: Path

    @property
    def project(self) -> Path:
        return self.root / "srv/tweakwise-webhooks"

    def localized(self, text: str) -> str:
        for place in ("/srv/", "/var/lib/tweakwise-webhooks", "/etc/tweakwise-webhooks.env", "/root/", "/root "):
            text = text.replace(place, f"{self.root}{place}")
        return text

    def prepare(self, database: Path) -> None:
        command = (ROOT / "deploy/systemd/tweakwise").read_text()
        write_program(self.root / "bin/tweakwise", self.localized(command))
        write_program(self.root / "bin/systemctl", SYSTEMCTL)
        write_program(self.root / "bin/runuser", RUNUSER)
        write_program(self.project / ".venv/bin/python", PYTHON)
        for folder in ("etc", "root", "var/lib/tweakwise-webhooks"):
            (self.root / folder).mkdir(parents=True)
        inbox = self.root / "var/lib/tweakwise-webhooks/inbox.db"
        inbox.write_bytes(database.read_bytes())
        (self.root / "etc/tweakwise-webhooks.env").write_text(f"DATABASE_URL=sqlite:///{inbox}\n")

    def carry_out(self, lines: str) -> subprocess.CompletedProcess[str]:
        env = environment(SHOPS=SHOP, PYTHONPATH=str(ROOT), LOG=str(self.root / "log"))
        env["PATH"] = f"{self.root / 'bin'}:{env['PATH']}"
        command = ["/bin/sh", "-ec", self.localized(lines)]
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)

    def done(self) -> list[str]:
        """What was installed and reloaded, in order."""
        return (self.root / "log").read_text().splitlines()

    def backups(self) -> list[Path]:
        return [*(self.root / "var/lib/tweakwise-webhooks").glob("backup-*.db")]


@pytest.fixture
def server(tmp_path: Path, migrated_file: Path) -> Server:
    """One with an inbox that is migrated, and without the project's code."""
    server = Server(tmp_path / "server")
    server.prepare(migrated_file)
    return server


def write_release(folder: Path, version: str) -> None:
    """A version of the project, whose code has one module that only this version has."""
    shutil.rmtree(folder / "webhook_app", ignore_errors=True)
    for package in ("webhook_app", "schemas"):
        (folder / package).mkdir(parents=True, exist_ok=True)
    (folder / f"webhook_app/of_{version.replace('.', '_')}.py").touch()
    (folder / "requirements.txt").write_text(version)
    (folder / ".gitignore").write_text("/.venv/\n__pycache__\n")


def commit(folder: Path, version: str) -> None:
    write_release(folder, version)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", version)
    git(folder, "tag", f"v{version}")


def test_commands_of_the_page_work(server: Server, tmp_path: Path) -> None:
    """Both versions are checked out and installed before the reload; a backup was made before."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-q")
    commit(origin, "1.0.0")
    git(server.project, "init", "-q")
    git(server.project, "remote", "add", "origin", str(origin))
    commit(origin, "1.1.0")
    for heading in ("Update", "Go back"):
        done = server.carry_out(documented(heading))
        assert done.returncode == 0, done.stdout + done.stderr
    assert server.done() == ["installed 1.1.0", RELOAD, "installed 1.0.0", RELOAD]
    assert server.backups()


def test_an_archive_replaces_the_code(server: Server, tmp_path: Path) -> None:
    """No module of the old version remains; what is in no archive stays; one with other bytes changes nothing."""
    write_release(server.project, "1.0.0")
    (server.project / "shops.toml").write_text("x = 1\n")
    commands = documented("From a release archive")
    archive = server.root / "root/tweakwise-webhooks-1.1.0.tar.gz"
    write_release(tmp_path / "1.1.0/tweakwise-webhooks-1.1.0", "1.1.0")
    subprocess.run(["tar", "-czf", archive, "-C", tmp_path / "1.1.0", "tweakwise-webhooks-1.1.0"], check=True)
    other, own = hashlib.sha256(b"").hexdigest(), hashlib.sha256(archive.read_bytes()).hexdigest()
    sums = server.root / "root/SHA256SUMS"
    sums.write_text(f"{other}  {archive.name}\n{own}  tweakwise-webhooks-1.1.0.cdx.json\n")
    changing_folder, _, rest = commands.partition("\n")
    replacing = rest[rest.index("(cd /root") : rest.index(".venv/")]
    assert "FAILED" in server.carry_out(f"{changing_folder}\n{replacing}").stdout
    assert [file.name for file in (server.project / "webhook_app").glob("*.py")] == ["of_1_0_0.py"]
    sums.write_text(f"{other}  tweakwise-webhooks-1.1.0.cdx.json\n{own}  {archive.name}\n")
    done = server.carry_out(commands)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [file.name for file in (server.project / "webhook_app").glob("*.py")] == ["of_1_1_0.py"]
    assert (server.project / "shops.toml").read_text() == "x = 1\n"
    assert (server.done(), len(server.backups())) == (["installed 1.1.0", RELOAD], 1)
