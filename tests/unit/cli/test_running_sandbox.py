"""What a sandbox changes: its own inbox and address, and the file by which commands in another terminal find it."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.support.commands import SHOP
from webhook_app.cli import main
from webhook_app.cli.commands import all_commands
from webhook_app.cli.support.running_sandbox import COMMANDS
from webhook_app.cli.support.sandbox_options import SandboxOptions
from webhook_app.config import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEPARATED = {"backup", "move", "migrate", "alert", "run", "web", "worker", "dev", "sandbox"}
PRODUCTION = "postgres://receiver:hidden@db.example/inbox"
VARIABLES = ("DATABASE_URL", "PORT", "BIND", "TWEAKWISE_URL", "SHOPS_FILE", "SPOOL", "PROMETHEUS_MULTIPROC_DIR")
URL = "http://127.0.0.1:8001"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of sandboxes, in an environment that has one shop and is restored in the end."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("SHOPS", SHOP)
    monkeypatch.setenv("SANDBOX_FOLDER", str(tmp_path / "sandbox"))
    return tmp_path / "sandbox"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Callable[[int], None]]:
    """Announce a sandbox beside a receiver on that port, and return to the environment before."""
    stack = ExitStack()

    def announce(port: int) -> None:
        with monkeypatch.context() as its_own:
            for name in VARIABLES:
                its_own.setenv(name, str(port) if name == "PORT" else "")
            options = SandboxOptions(8001, folder, "")
            options.isolate()
            stack.enter_context(options.announced(settings.load()))

    with stack:
        yield announce


def check() -> Result:
    return CliRunner().invoke(main, ["check"])


def test_a_command_needs_no_prefix(start: Callable[[int], None], folder: Path) -> None:
    """In another terminal `check` shows the sandbox as Tweakwise, the receiver's port, and says so."""
    start(8123)
    result = check()
    assert f"Tweakwise  {URL}" in result.stdout
    assert "http://127.0.0.1:8123/webhooks/shopify/acme" in result.stdout
    assert "Using the sandbox that runs on port 8123" in result.stderr
    assert os.environ["DATABASE_URL"] == f"sqlite:///{folder}/8123.db"


def test_the_file_is_this_users_alone(start: Callable[[int], None], folder: Path) -> None:
    """A password of a database is in it."""
    start(8123)
    assert [(path.name, path.stat().st_mode & 0o777) for path in folder.iterdir()] == [("8123.json", 0o600)]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_database_that_is_named_comes_first(start: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABASE_URL in the environment of a command is not replaced, and the command says that."""
    start(8123)
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/inbox.db")
    result = check()
    assert f"Tweakwise  {settings.TWEAKWISE_URL}" in result.stdout
    assert "DATABASE_URL is set, so this command does not use the sandbox" in result.stderr


def test_a_process_beside_it_is_silent(
    start: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """The same DATABASE_URL needs no message: `dev` starts `tunnel` with it, and shows what that prints."""
    start(8123)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{folder}/8123.db")
    result = check()
    assert (f"Tweakwise  {URL}" in result.stdout, result.stderr) == (True, "")


def test_the_port_chooses(start: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several the one that started last, or that on PORT; on another port there is none."""
    start(8200)
    start(8100)
    result = check()
    assert "Using the sandbox that runs on port 8100" in result.stderr
    assert "2 sandboxes run here; PORT chooses one" in result.stderr
    for port, used in (("8200", True), ("8300", False)):
        for name in VARIABLES:
            monkeypatch.setenv(name, port if name == "PORT" else "")
        result = check()
        assert (f"runs on port {port}" in result.stderr, f"Tweakwise  {URL}" in result.stdout) == (used, used)


@pytest.mark.parametrize("text", ["{}", "[]", "not json", '{"port": 8123}'])
def test_a_file_that_a_killed_process_left_is_ignored(folder: Path, text: str) -> None:
    """The lock ended with the process, whatever its number is now; the command says so once."""
    folder.mkdir()
    (folder / "8123.json").write_text(text)
    result = check()
    assert f"Tweakwise  {settings.TWEAKWISE_URL}" in result.stdout
    assert "8123.json names no longer runs; the file is ignored and removed." in result.stderr
    assert check().stderr == ""


def test_the_end_removes_the_file(folder: Path) -> None:
    """Also where an earlier process on this port was killed."""
    folder.mkdir()
    (folder / "8000.json").write_text("{}")
    options = SandboxOptions(8001, folder, "")
    with options.announced(settings.load()):
        assert json.loads((folder / "8000.json").read_text())["port"] == 8000
    assert not (folder / "8000.json").exists()


def test_a_file_that_cannot_be_read_or_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may belong to another user: commands go on without the sandbox, and the sandbox without the file."""
    (folder / "8000.json").mkdir(parents=True)
    result = check()
    assert f"Tweakwise  {settings.TWEAKWISE_URL}" in result.stdout
    assert "8000.json cannot be read, so the sandbox it names is not used: Is a directory." in result.stderr
    with SandboxOptions(8001, folder, "").announced(settings.load()):
        assert "Commands in other terminals do not find this sandbox" in capsys.readouterr().err


def test_production_is_never_exchanged() -> None:
    """A command that starts, copies, moves or erases does what it would without a sandbox."""
    assert set(all_commands()) >= COMMANDS
    assert not COMMANDS & (SEPARATED | {"forget"})


def test_a_sandbox_never_has_the_production_inbox(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """DATABASE_URL and SPOOL are not used, and named without a password; two ports share nothing."""
    for port in ("8100", "8200"):
        monkeypatch.setenv("DATABASE_URL", PRODUCTION)
        monkeypatch.setenv("SPOOL", "/data/spool")
        monkeypatch.setenv("PORT", port)
        SandboxOptions(8001, folder, "").isolate()
        config = settings.load()
        assert (config.database_url, config.spool) == (f"sqlite:///{folder}/{port}.db", None)
        warned = capsys.readouterr().err
        assert "DATABASE_URL is not used" in warned
        assert "hidden" not in warned


def test_a_sandbox_has_the_database_that_is_named_for_it(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """SANDBOX_DATABASE_URL is used as it stands."""
    SandboxOptions(8001, folder, PRODUCTION).isolate()
    assert settings.load().database_url == PRODUCTION
    assert capsys.readouterr().err == ""


def test_only_this_machine_reaches_it(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Beside a sandbox the receiver listens on 127.0.0.1, unless BIND is set."""
    SandboxOptions(8001, folder, "").isolate()
    assert settings.load().bind == "127.0.0.1"
    monkeypatch.setenv("BIND", "0.0.0.0")
    SandboxOptions(8001, folder, "").isolate()
    assert settings.load().bind == "0.0.0.0"
