"""A database that accepts only TLS connections, as hosted ones do.

The server from PyPI is built without TLS, so PgBouncer takes the connections, with a pool of whole sessions.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import pgbouncer
from tests.support.certificates import make_certificate
from tests.support.deliveries import arrival, claim_one, settle
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, State, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.postgres import Server

pytestmark = pgbouncer.needed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of this machine."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder)
    return folder


@pytest.fixture(scope="module")
def port(folder: Path, postgres: Server) -> Iterator[int]:
    """The port of a server that refuses connections without TLS."""
    files = {"client_tls_key_file": folder / "server.key", "client_tls_cert_file": folder / "server.crt"}
    with pgbouncer.running(folder, postgres, pool_mode="session", client_tls_sslmode="require", **files) as port:
        yield port


@pytest.fixture
def database_url(postgres: Server, port: int) -> Iterator[str]:
    """The address of an empty database, through a pooler that has the certificate."""
    with postgres.database() as address:
        yield pgbouncer.through(port, address)


@pytest.mark.parametrize("asked", ["", "?sslmode=require"])
def test_connects_over_tls(database_url: str, asked: str) -> None:
    """With `sslmode=require` in the address, and without any, all connections use TLS, those for notifications too."""
    with closing(Inbox(database_url + asked)) as inbox:
        migrate.upgrade(inbox.database)
        inbox.wakeups.wait(0)
        inbox.store(arrival())
        assert settle(inbox, claim_one(inbox), State.DELIVERED)
        with inbox.database.read() as connection:
            driver: Any = connection.connection.driver_connection
            assert driver.pgconn.ssl_in_use


def test_verified_certificate(database_url: str, folder: Path) -> None:
    """The server's certificate is verified where the address asks for it."""
    address = database_url.replace("127.0.0.1", "localhost")
    known = f"?sslmode=verify-full&sslrootcert={folder / 'server.crt'}"
    with closing(Inbox(address + known)) as inbox:
        migrate.upgrade(inbox.database)
        assert migrate.is_current(inbox.database)
    unknown = f"?sslmode=verify-full&sslrootcert={os.devnull}"
    with closing(Inbox(address + unknown)) as inbox, pytest.raises(StoreUnavailableError):
        migrate.is_current(inbox.database)


def test_unencrypted_connections_are_refused(database_url: str) -> None:
    """The premise of these tests: the server refuses a connection without TLS."""
    with closing(Inbox(f"{database_url}?sslmode=disable")) as inbox, pytest.raises(StoreUnavailableError):
        migrate.is_current(inbox.database)
