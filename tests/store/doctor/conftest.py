"""The command doctor on several kinds of inbox."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.support import local_tweakwise
from tests.support.certificates import make_certificate
from tests.support.doctor import SHOPS, examined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.doctor import Examine
    from tests.support.local_tweakwise import LocalTweakwise
    from tests.support.postgres import Server
    from webhook_app.inbox import Inbox


@pytest.fixture(scope="module")
def tweakwise() -> Iterator[LocalTweakwise]:
    """A local Tweakwise for all tests of a module."""
    with local_tweakwise.serving() as server:
        yield server


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tweakwise: LocalTweakwise) -> None:
    """An environment with one shop, and nothing of this machine's."""
    for name in ("SHOPS_FILE", "PORT", "DYNO", "SPOOL", "DATABASE_POOLER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", SHOPS)
    monkeypatch.setenv("TWEAKWISE_URL", tweakwise.url)


@pytest.fixture
def empty(configured: None, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """The command on a database without tables, on either engine."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return examined


@pytest.fixture
def examine(empty: Examine, inbox: Inbox) -> Examine:
    """The command on the inbox."""
    return empty


@pytest.fixture
def plain(configured: None, monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> Examine:
    """The command on an empty SQLite inbox, for checks that have nothing to do with it."""
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    return examined


@pytest.fixture
def on_postgres(postgres: Server, configured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examine]:
    """The command on an empty inbox in PostgreSQL, for what SQLite does not know."""
    with postgres.migrated() as address:
        monkeypatch.setenv("DATABASE_URL", address)
        yield examined


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A self-signed certificate for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path_factory.mktemp("tls")))
    return context
