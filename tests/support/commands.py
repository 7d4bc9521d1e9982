"""Commands called in this process, with one shop and a database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from click.testing import CliRunner, Result

from webhook_app.cli import main

if TYPE_CHECKING:
    import pytest

Run = Callable[..., Result]

SHOP = """
[shops.acme]
platform = "shopify"
secrets = ["secret"]
instance_key = "1234abcd"
"""


def runner(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Run:
    """Return what calls a command, in an environment that has only this shop and this database."""
    for name in ("SHOPS_FILE", "PORT", "TWEAKWISE_URL", "DYNO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BIND", "")  # `dev` sets it
    monkeypatch.setenv("SHOPS", SHOP)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return lambda *arguments, **options: CliRunner().invoke(main, arguments, **options)
