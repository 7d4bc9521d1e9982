"""Whether the files of a database can be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from webhook_app.health import disks


@pytest.mark.parametrize("name", ["inbox.db", "inbox.db-wal", "inbox.db-shm"])
def test_a_file_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Webhooks are answered with 503 then, although its folder can be written."""
    path = str(tmp_path / "inbox.db")
    assert not disks.status("inbox", path).failure
    (tmp_path / name).touch()
    assert not disks.status("inbox", path).failure
    monkeypatch.setattr(os, "access", lambda file, _mode: Path(file).name != name)
    found = disks.status("inbox", path)
    assert (found.failure, found.is_full) == (f"{name} cannot be written", False)
