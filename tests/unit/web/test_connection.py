"""How long a client may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gevent import socket

from webhook_app.web.connection import Connection

if TYPE_CHECKING:
    from pathlib import Path


def test_a_limit_also_ends_what_never_waits() -> None:
    """A client that always has a few more bytes ready is not read beyond the limit of time."""
    client, server = socket.socketpair()
    with client, server:
        connection = Connection(server)
        client.sendall(b"G")
        connection.expect(0)
        with pytest.raises(TimeoutError):
            connection.receive()


def test_the_unix_socket_of_a_connection_is_known(tmp_path: Path) -> None:
    """A page posts its sample to where the browser's request came in."""
    path = str(tmp_path / "web.sock")
    for family, name, expected in (
        (socket.AF_UNIX, path, path),
        (socket.AF_INET, ("127.0.0.1", 0), ""),
    ):
        with socket.socket(family) as listener, socket.socket(family) as client:
            listener.bind(name)
            listener.listen()
            client.connect(listener.getsockname())
            accepted, _ = listener.accept()
            with accepted:
                assert Connection(accepted).unix_path == expected
