"""The check before a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webhook_app import reloading

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("command", ["web", "worker"])
def test_invalid_shops_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    """A reload is refused in the words of the command; without faults there are none."""
    shops = tmp_path / "shops.toml"
    shops.write_text("[shops.shop")
    monkeypatch.setenv("SHOPS_FILE", str(shops))
    assert "shops.toml: not valid TOML" in reloading.faults_of(command)


def test_valid_shops_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could start may replace the running program."""
    monkeypatch.setenv("SHOPS_FILE", "shops.demo.toml")
    assert not reloading.faults_of("web")


def test_check_that_cannot_run_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that was removed keeps the old program running."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert "the check did not end" in reloading.faults_of("web")
