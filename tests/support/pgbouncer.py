"""A real PgBouncer on loopback, where that is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Server

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
needed = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed (apt-get install pgbouncer)")

CONFIGURATION = """
[databases]
* = host={host} port=5432 user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
client_login_timeout = 5
"""


@contextmanager
def running(folder: Path, server: Server, **settings: object) -> Iterator[int]:
    """A pooler in front of the server for the block; yields its port."""
    host, port = str(conninfo_to_dict(server.address)["host"]), processes.free_port()
    more = "".join(f"{name} = {value}\n" for name, value in settings.items())
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(host=host, port=port) + more)
    # It refuses to run as root, and reads its configuration before it becomes the server's user.
    other = ["-u", Path(host).owner()] if os.geteuid() == 0 else []
    process = subprocess.Popen([str(PGBOUNCER), *other, str(file)], stderr=subprocess.DEVNULL)
    try:
        processes.wait_for(lambda: _is_open(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _is_open(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def through(port: int, address: str) -> str:
    """The address of the same database, through the pooler."""
    return f"postgres://postgres@127.0.0.1:{port}/{conninfo_to_dict(address)['dbname']}"
