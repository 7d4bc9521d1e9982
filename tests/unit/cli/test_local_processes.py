"""The command that `run` prints."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from webhook_app.cli.support.local_processes import OWN_VARIABLES, command_line
from webhook_app.config import env_file

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_printed_command_has_no_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the environment file sets is left out, an address with a password is left to the shell: logs have it."""
    file = tmp_path / "receiver.env"
    file.write_text("SHOPS_FILE=/srv/shops.toml\nBIND=127.0.0.1\n")
    for name in (*OWN_VARIABLES, env_file.MARK, "SHOPS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENV_FILE", str(file))
    monkeypatch.setenv("PORT", "8100")
    monkeypatch.setenv("DATABASE_URL", "postgres://webhooks:geheim@db/webhooks")
    for name, value in env_file.environment().items():
        monkeypatch.setenv(name, value)
    words = command_line(*OWN_VARIABLES).split()
    assert words[:3] == [f"ENV_FILE={file}", 'DATABASE_URL="$DATABASE_URL"', "PORT=8100"]
    assert not [word for word in words if "geheim" in word or "SHOPS_FILE" in word]
    monkeypatch.setenv("DATABASE_URL", "sqlite:///var/inbox.db")
    assert "DATABASE_URL=sqlite:///var/inbox.db" in command_line(*OWN_VARIABLES)


def test_printed_command_works_in_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`docker exec` starts a program, not a shell: the command begins with it, and has the variables already."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setenv("DATABASE_URL", "sqlite:////data/inbox.db")
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))  # noqa: PTH120 - as it stands, no link is followed
    assert command_line(*OWN_VARIABLES) == "python -m webhook_app"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_line(*OWN_VARIABLES) == f"{sys.executable} -m webhook_app"
