"""Variables of the environment: their files, and the file `.env`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from webhook_app.config import env_file, settings, shops, variables
from webhook_app.errors import ConfigurationError
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from pathlib import Path

SHOP = '[shops.a]\nplatform = "shopify"\nsecrets = ["${ACME_SECRET}"]\ninstance_key = "1234abcd"\n'
SECRET = "geheim-1234"


def faults_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        shops.load(all_platforms(), {"SHOPS": SHOP, **environ})
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("content", "value"), [("x\n", "x"), ("x\r\n", "x"), ("x", "x"), ("x\n\n", "x\n"), (" x ", " x ")]
)
def test_value_from_a_file(tmp_path: Path, content: str, value: str) -> None:
    """The line break at the end is no part of the value; anything else is."""
    (tmp_path / "secret").write_bytes(content.encode())
    environ = {"ACME_SECRET_FILE": str(tmp_path / "secret")}
    assert variables.value("ACME_SECRET", environ) == value
    assert shops.load(all_platforms(), {"SHOPS": SHOP, **environ})["a"].secrets == (value,)


def test_faulty_files_are_faults_without_the_value(tmp_path: Path) -> None:
    """A message names the variable, never a value: someone may have written the secret into NAME_FILE."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "good").write_text(SECRET)
    place = "SHOPS:3: shops.a.secrets: "
    for path, fault in {
        SECRET: "the file cannot be read (No such file or directory)",
        "\0": "the file cannot be read (not a path, or not UTF-8)",
        str(tmp_path): "the file cannot be read (Is a directory)",
        str(tmp_path / "empty"): "the file is empty",
        str(tmp_path / "binary"): "the file cannot be read (not a path, or not UTF-8)",
        "/dev/zero": "the file is larger than 1048576 bytes",
    }.items():
        assert faults_of({"ACME_SECRET_FILE": path}) == [f"{place}ACME_SECRET_FILE: {fault}"]
    both = faults_of({"ACME_SECRET_FILE": str(tmp_path / "good"), "ACME_SECRET": SECRET})
    assert both == [f"{place}ACME_SECRET, ACME_SECRET_FILE: both are set; keep one of them"]
    assert faults_of({"ACME_SECRET_FILE": ""}) == [f"{place}the environment variable ACME_SECRET is not set"]


def test_settings_from_files(tmp_path: Path) -> None:
    """Every setting can come from a file, and its faults are reported with all others."""
    (tmp_path / "port").write_text("8123\n")
    assert settings.load(environ={"PORT_FILE": str(tmp_path / "port")}).port == 8123
    with pytest.raises(ConfigurationError) as caught:
        settings.load(environ={"PORT_FILE": "/nowhere", "LOG_FORMAT": "xml"})
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["PORT_FILE", "LOG_FORMAT"]


@pytest.mark.parametrize("text", ["$(openssl rand -base64 18)", "`openssl rand -base64 18`"])
def test_a_command_that_no_shell_ran_is_refused(tmp_path: Path, text: str) -> None:
    """An environment file is read by no shell: its text would be the password, for everyone to read in these pages."""
    (tmp_path / "password").write_text(f"{text}\n")
    for environ in ({"DASHBOARD_PASSWORD": text}, {"DASHBOARD_PASSWORD_FILE": str(tmp_path / "password")}):
        with pytest.raises(ConfigurationError) as caught:
            settings.load(environ=environ)
        assert caught.value.faults[0].startswith("DASHBOARD_PASSWORD: is a shell command")
    assert variables.value("A", {"A": "a$(b)c"}) == "a$(b)c"


@pytest.fixture
def env_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A `.env`, and an environment that has two variables."""
    monkeypatch.setattr(os, "environ", {"ENV_FILE": str(tmp_path / ".env"), "PORT": "1", "EMPTY": ""})
    return tmp_path / ".env"


def found() -> dict[str, str]:
    """What the environment has besides."""
    others = (env_file.MARK, "ENV_FILE", "PYTEST_CURRENT_TEST")
    return {name: value for name, value in os.environ.items() if name not in others}


def test_the_environment_takes_precedence(env_of: Path) -> None:
    """A variable of `.env` counts where the environment does not have it, and is literal."""
    env_of.write_text("PORT=2\nexport A='b c' # why\n\nB=${A}\nEMPTY=full\nQUOTED=\"x=y\"\n")
    env_file.load()
    assert found() == {"PORT": "1", "A": "b c", "B": "${A}", "EMPTY": "", "QUOTED": "x=y"}


def test_a_program_that_follows_reads_the_file_anew(env_of: Path) -> None:
    """What changed in the file counts; what the first program changed or removed on purpose stays so."""
    env_of.write_text("CHANGED=1\nGONE=1\nSET=1\nREMOVED=1\nPORT=2\n")
    env_file.load()
    os.environ["SET"] = "own"
    del os.environ["REMOVED"], os.environ["PORT"]
    env_of.write_text("CHANGED=2\nSET=3\nREMOVED=3\nPORT=3\nNEW=3\n")
    for _ in range(2):  # the program after that, too
        env_file.load()
        assert found() == {"CHANGED": "2", "SET": "own", "NEW": "3", "EMPTY": ""}


def test_faulty_lines_are_named(env_of: Path) -> None:
    """A line that is no assignment is a fault with its number, and no value is in it."""
    env_of.write_text(f"A=1\n\n\n=x {SECRET}\nB='{SECRET}\n")
    with pytest.raises(ConfigurationError) as caught:
        env_file.load()
    assert list(caught.value.faults) == [f"{env_of}:4: expected NAME=value", f"{env_of}:5: expected NAME=value"]
