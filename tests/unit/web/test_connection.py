"""How long a client may take."""

from __future__ import annotations

import pytest
from gevent import socket

from webhook_app.web.connection import Connection


def test_a_limit_also_ends_what_never_waits() -> None:
    """A client that always has a few more bytes ready is not read beyond the limit of time."""
    client, server = socket.socketpair()
    with client, server:
        connection = Connection(server)
        client.sendall(b"G")
        connection.expect(0)
        with pytest.raises(TimeoutError):
            connection.receive()
