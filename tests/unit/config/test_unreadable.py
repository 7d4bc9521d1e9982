"""Why a file of the configuration cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from webhook_app.config import unreadable

DENIED = PermissionError(13, "Permission denied")


def test_owner_and_user_are_named(tmp_path: Path) -> None:
    """Of the file that a link leads to, as in a container whose volume belongs to another user."""
    (tmp_path / "shops.toml").touch()
    (tmp_path / "link").symlink_to(tmp_path / "shops.toml")
    me = unreadable.name_of(os.geteuid())
    expected = f"it belongs to {me}, and {me}, as whom this runs, may not read it"
    assert unreadable.why(tmp_path / "link", DENIED) == expected


def test_the_folder_that_is_closed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first on the way to the file, since nothing below it can be seen."""
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path)
    assert unreadable.why(tmp_path / "inner/shops.toml", DENIED).startswith(f"{tmp_path} belongs to ")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (IsADirectoryError(21, "Is a directory"), "Is a directory"),
        (OSError(), "OSError"),
        (DENIED, "Permission denied"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), "it is not UTF-8"),
    ],
)
def test_other_reasons(error: OSError | UnicodeDecodeError, reason: str) -> None:
    """What the system says; a file that is not there belongs to no user."""
    assert unreadable.why(Path("/nowhere"), error) == reason


def test_user_without_a_name_is_a_number() -> None:
    """Containers run as numbers."""
    assert unreadable.name_of(3_999_999) == "3999999"
