"""Commands that need no stored delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import commands

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.commands import Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Call a command whose database does not exist yet."""
    return commands.runner(monkeypatch, f"sqlite:///{tmp_path / 'inbox.db'}")
