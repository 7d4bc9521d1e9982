"""What a command prints where the files of the database belong to another user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from webhook_app.cli.support import file_access
from webhook_app.config.unreadable import name_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("unwritable", ["", "data", "data/inbox.db", "data/inbox.db-wal"])
def test_path_and_user_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unwritable: str) -> None:
    """The folder, the file, or what lies beside it; of a folder that is missing the one in which it would be made."""
    folder = tmp_path / "data"
    if unwritable:
        folder.mkdir()
        for name in ("inbox.db", "inbox.db-wal"):
            (folder / name).touch()
    refused = tmp_path / unwritable
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{folder / 'inbox.db'}")
    monkeypatch.setattr(os, "access", lambda path, _mode: path != refused)
    sentence = file_access.fault()
    assert sentence.startswith(f"{refused} belongs to {name_of(os.geteuid())}; ")
    user = name_of(os.geteuid())
    commands = {"": f"install -d -o {user} -m 700 {folder}", "data": f"chown -R {user} {folder}"}
    assert sentence.endswith(commands.get(unwritable, f"chown {user} {refused}"))


@pytest.mark.parametrize("path", ["/inbox.db", "/tmp/inbox.db", "{}/inbox.db"])
def test_no_folder_of_others_is_taken_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str) -> None:
    """Root may paste what is printed: it names a new folder where there is more than the database."""
    (tmp_path / "something else").touch()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path.format(tmp_path)}")
    monkeypatch.setattr(os, "access", lambda *_: False)
    sentence = file_access.fault()
    assert "chown" not in sentence
    folder = path.format(tmp_path).removesuffix(".db")
    assert sentence.endswith(f" -m 700 {folder}, and DATABASE_URL=sqlite:///{folder}/inbox.db")
    (tmp_path / "inbox.db").touch()
    if "{}" in path:  # no other one than that which is there
        assert file_access.fault().endswith(f": chown {name_of(os.geteuid())} {tmp_path} {tmp_path}/inbox.db*")


def test_a_folder_is_no_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the system calls an error 21 is a path without the file's name."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}")
    assert file_access.fault().endswith(f"name a file in it: sqlite:///{tmp_path}/inbox.db")


def test_a_disk_that_is_mounted_read_only_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """No owner could write there; only the answers of the system are made up."""
    found = os.statvfs_result((1, 1, 1, 1, 1, 1, 1, 1, os.ST_RDONLY, 255))
    monkeypatch.setenv("DATABASE_URL", "sqlite:////inbox.db")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _path: found)
    assert file_access.fault() == "/ is on a disk that is mounted read-only: mount it so that it can be written"


@pytest.mark.parametrize("url", ["postgres://localhost/x", "sqlite:////nowhere/inbox.db", ""])
def test_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A server has its own permissions; a folder that this user can create is no fault."""
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(os, "access", lambda *_: True)
    assert not file_access.fault()
