"""The sockets of the receiver: inherited from systemd or from `run`, or opened, whose faults are sentences."""

from __future__ import annotations

import errno
import os
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from webhook_app.config import settings
from webhook_app.errors import ConfigurationError
from webhook_app.processes import healthcheck
from webhook_app.web import listening

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nothing_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket comes from the program that runs the tests."""
    for name in (listening.PASSED_ON, "LISTEN_PID", "LISTEN_FDS", "BIND"):
        monkeypatch.setenv(name, "")  # so that what a test leaves is removed after it
        monkeypatch.delenv(name)


def configured(monkeypatch: pytest.MonkeyPatch, **variables: str) -> settings.Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return settings.load()


def test_port_in_use_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver does not try for seconds to get a port that another program has."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = configured(monkeypatch, BIND="127.0.0.1", PORT=str(taken.getsockname()[1]))
        with pytest.raises(ConfigurationError, match="is in use"):
            listening.sockets(config)


def test_foreign_address_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that this machine does not have."""
    with pytest.raises(ConfigurationError, match="not an address of this machine"):
        listening.sockets(configured(monkeypatch, BIND="192.0.2.1"))


def test_link_local_address_has_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the interface it could neither be bound nor asked; a machine may have no such address."""
    names = list[object]()
    monkeypatch.setattr("socket.socket.bind", lambda _, name: names.append(name))
    monkeypatch.setattr("socket.socket.connect", lambda _, name: names.append(name))
    monkeypatch.setattr("socket.socket.sendall", lambda *_: None)
    monkeypatch.setattr("socket.socket.recv", lambda *_: b"HTTP/1.1 200")
    (opened,) = listening.sockets(configured(monkeypatch, BIND="fe80::1%lo", PORT="8123"))
    with closing(opened):
        name = ("fe80::1", 8123, 0, socket.if_nametoindex("lo"))
        assert listening.answers(socket.AF_INET6, name, "/healthz")
    assert names == [name, name]


def test_unix_socket_replaces_an_unused_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a killed process left is no obstacle, what another one uses is."""
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    config = configured(monkeypatch, BIND=f"unix:{path}")
    (opened,) = listening.sockets(config)
    with closing(opened), pytest.raises(ConfigurationError, match="another program listens there"):
        listening.sockets(config)
    assert path.stat().st_mode & 0o777 == 0o777


def test_unix_socket_replaces_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A path that names something else stays as it is."""
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(ConfigurationError, match="no socket is there"):
        listening.sockets(configured(monkeypatch, BIND=f"unix:{path}"))
    assert path.read_text() == "x"


def test_unix_socket_that_cannot_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that is missing, and a program that accepts nothing, are named; nothing waits for long."""
    with pytest.raises(ConfigurationError, match="there is no folder"):
        listening.sockets(configured(monkeypatch, BIND=f"unix:{tmp_path}/none/a.sock"))
    path = str(tmp_path / "full.sock")
    with closing(socket.socket(socket.AF_UNIX)) as full, closing(socket.socket(socket.AF_UNIX)) as client:
        full.bind(path)
        full.listen(0)
        client.connect(path)
        with pytest.raises(ConfigurationError, match="accepts no connections"):
            listening.sockets(configured(monkeypatch, BIND=f"unix:{path}"))


def test_sockets_of_another_process_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systemd's variables are inherited by children, for which they are not meant."""
    config = configured(monkeypatch, BIND="192.0.2.1", LISTEN_PID=str(os.getpid() + 1), LISTEN_FDS="1")
    with pytest.raises(ConfigurationError):
        listening.sockets(config)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, None])
def test_what_accepts_no_connections_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind | None
) -> None:
    """A unit with Accept=yes or ListenDatagram= hands over another socket, a script may hand over none."""
    config = configured(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    with socket.socket(socket.AF_INET, kind or socket.SOCK_STREAM) as opened:
        descriptor = opened.fileno()
        if kind is None:
            opened.close()
        monkeypatch.setattr(listening, "FIRST", descriptor)
        with pytest.raises(ConfigurationError, match=f"LISTEN_FDS: descriptor {descriptor} accepts no connections"):
            listening.sockets(config)


@pytest.mark.parametrize("count", ["x", "-1", "1.5", "\u0661"])
def test_a_count_of_sockets_that_is_none_is_a_sentence(monkeypatch: pytest.MonkeyPatch, count: str) -> None:
    """Only a script writes it so."""
    with pytest.raises(ConfigurationError, match="LISTEN_FDS: expected the number"):
        listening.sockets(configured(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS=count))


def test_passed_on_sockets_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """`web` takes the socket that `run` opened, and gunicorn the one of `web`, whatever BIND is; once."""
    config = configured(monkeypatch, BIND="192.0.2.1")
    with socket.create_server(("127.0.0.1", 0)) as opened:
        monkeypatch.setenv(listening.PASSED_ON, str(os.dup(opened.fileno())))
        (used,) = listening.sockets(config)
        with closing(used):
            assert used.getsockname() == opened.getsockname()
            listening.pass_on([used], os.environ)
            assert listening.gunicorn_addresses(config) == [f"fd://{used.fileno()}"]
    assert listening.gunicorn_addresses(config) == ["192.0.2.1:8000"]


def test_sockets_of_systemd_are_passed_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gunicorn reads systemd's variables too, and would end where it finds a socket twice."""
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    with socket.create_server(("127.0.0.1", 0)) as opened:
        listening.pass_on([opened], os.environ)
    assert "LISTEN_FDS" not in os.environ
    monkeypatch.delenv(listening.PASSED_ON)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_what_does_not_listen_does_not_answer(family: int, tmp_path: Path) -> None:
    """Asking a socket on which nothing listens is no error."""
    name = str(tmp_path / "web.sock") if family == socket.AF_UNIX else ("127.0.0.1", 1)
    assert not listening.answers(family, name, "/readyz")


def test_port_in_use_names_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence can be pasted: the port in it can be used."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = configured(monkeypatch, BIND="127.0.0.1", PORT=str(taken.getsockname()[1]))
        with pytest.raises(ConfigurationError) as caught:
            listening.sockets(config)
    port = str(caught.value).rpartition("PORT=")[2]
    for one in listening.sockets(configured(monkeypatch, BIND="127.0.0.1", PORT=port)):
        one.close()


def test_addresses_in_the_arguments_of_gunicorn_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gunicorn would try to open a second socket, of a port that the first one has."""
    config = configured(monkeypatch, BIND="127.0.0.1", PORT="1")
    for arguments in ("--bind 127.0.0.1:2", "--workers 2 --bind=0.0.0.0:8000", "-b :8000", "-b:8000 'x"):
        monkeypatch.setenv("GUNICORN_CMD_ARGS", arguments)
        with pytest.raises(ConfigurationError, match="GUNICORN_CMD_ARGS: has --bind"):
            listening.sockets(config)


@pytest.mark.parametrize(
    ("given", "left", "dropped"),
    [
        ("--bind 127.0.0.1:8000", "", True),
        ("--bind=127.0.0.1:8000 --log-level debug", "--log-level debug", True),
        ("--threads 2 -b :8000", "--threads 2", True),
        ("--threads 2", "--threads 2", False),
        ("", "", False),
    ],
)
def test_bind_of_gunicorn_is_dropped(given: str, left: str, *, dropped: bool) -> None:
    """Gunicorn's own variable cannot name another address than the one whose socket is open already."""
    environment = {"GUNICORN_CMD_ARGS": given}
    assert listening.drop_bind(environment) is dropped
    assert environment["GUNICORN_CMD_ARGS"] == left


def test_receiver_is_asked_where_it_listens(tmp_path: Path) -> None:
    """Whatever BIND is: an address, all of them, IPv6, or a Unix socket."""
    path = f"unix:{tmp_path / 'josé 日本.sock'}"
    for bind in ("127.0.0.1", "0.0.0.0", "::1", "::", path):
        with closing(socket.socket(listening.family_of(bind))) as listener:
            try:
                listener.bind(bind.removeprefix("unix:") if bind == path else (bind, 0))
            except OSError:
                continue  # a machine without IPv6
            listener.listen()
            port = 0 if bind == path else listener.getsockname()[1]
            answering = threading.Thread(target=answer_once, args=(listener,))
            answering.start()
            assert listening.is_answered(bind, port, "/healthz", within=30), bind
            answering.join()
        assert not listening.is_answered(bind, port, "/healthz"), bind


def answer_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


def test_health_check_asks_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of the image: by BIND and PORT alone, which other invalid settings do not change."""
    monkeypatch.setenv("ENV_FILE", "/dev/null")
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    monkeypatch.setenv("BIND", f"unix:{tmp_path / 'a.sock'}")
    assert healthcheck.main() == 1
    assert "a.sock" in capsys.readouterr().err
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "a.sock"))
        listener.listen()
        answering = threading.Thread(target=answer_once, args=(listener,))
        answering.start()
        assert healthcheck.main() == 0
        answering.join()
    monkeypatch.setenv("BIND", "everywhere")
    monkeypatch.setenv("PORT", "x")
    assert healthcheck.main() == 1


def test_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket can be made there at all."""

    def refused(*_: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    config = configured(monkeypatch, BIND="::")
    monkeypatch.setattr("socket.socket", refused)
    with pytest.raises(ConfigurationError, match="BIND: :: is not an address of this machine"):
        listening.sockets(config)
