"""The sockets on which the receiver listens: inherited ones, or new ones, whose faults are sentences."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhook_app.config.settings import LOOPBACK
from webhook_app.config.validators import UNIX
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

    from webhook_app.config.settings import Settings

PASSED_ON = "WEBHOOKS_SOCKETS"  # the descriptors of sockets, for the program that a process starts or becomes
FIRST = 3  # https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
SYSTEMD = ("LISTEN_PID", "LISTEN_FDS")
HIGHEST = 65536  # ports are below
GUNICORN_ARGUMENTS, WORKER_CLASS = "GUNICORN_CMD_ARGS", ("-k", "--worker-class")
BACKLOG = 2048  # connections that wait to be accepted


def sockets(config: Settings) -> list[socket.socket]:
    """Return those that systemd or `run` opened, otherwise a new one for BIND and PORT. Raises ConfigurationError.

    Another address in gunicorn's own variable is refused, and the same one is not used twice: see drop_bind().
    """
    refuse_other_server(config)
    if inherited := _inherited(os.environ):
        return inherited
    return [_unix_socket(config.socket_path) if config.socket_path else _tcp_socket(config.bind, config.port)]


def refuse_other_server(config: Settings) -> None:
    """Raise ConfigurationError where gunicorn's own variable has another address, or other web processes."""
    addresses, others = _binds(os.environ.get(GUNICORN_ARGUMENTS, ""))
    if any(not one.endswith(f":{config.port}") for one in addresses):
        raise ConfigurationError(["GUNICORN_CMD_ARGS: has --bind; set BIND and PORT instead, and remove it there"])
    if any(one.startswith(WORKER_CLASS) for one in others):
        raise ConfigurationError(["GUNICORN_CMD_ARGS: has --worker-class; remove it there, no other one works"])


@contextlib.contextmanager
def closed_on_error(opened: Sequence[socket.socket]) -> Iterator[None]:
    """Close the sockets when the block raises an exception: no program that would use them is started."""
    try:
        yield
    except BaseException:
        for one in opened:
            one.close()
        raise


def free_port(address: str, port: int, taken: int = 0) -> int:
    """Return a port of that address that no program uses now: the tenth after it, or the twentieth, and so on.

    `taken` is another port that will be used.
    """
    later = (one for one in range(port + 10, min(port + 200, HIGHEST), 10) if one != taken)
    for number in [*later, 0]:
        with socket.socket(family_of(address)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                listener.bind(_name(address, number))
                return int(listener.getsockname()[1])
    return port


def pass_on(opened: Sequence[socket.socket], environment: MutableMapping[str, str]) -> None:
    """Let the program that gets this environment use these sockets."""
    for one in opened:
        one.set_inheritable(True)
    environment[PASSED_ON] = ",".join(str(one.fileno()) for one in opened)
    for name in SYSTEMD:  # gunicorn would use each socket twice
        environment.pop(name, None)


def drop_bind(environment: MutableMapping[str, str]) -> bool:
    """Take `--bind` out of gunicorn's own variable: it would not use these sockets. Returns whether one was there."""
    found, others = _binds(environment.get(GUNICORN_ARGUMENTS, ""))
    if found:
        environment[GUNICORN_ARGUMENTS] = shlex.join(others)
    return bool(found)


def gunicorn_addresses(config: Settings) -> list[str]:
    """Return where gunicorn listens, and take passed on sockets out of the environment."""
    if passed := os.environ.pop(PASSED_ON, ""):
        return [f"fd://{number}" for number in passed.split(",")]
    if config.socket_path:
        return [f"unix:{config.socket_path}"]
    return [f"{f'[{config.bind}]' if ':' in config.bind else config.bind}:{config.port}"]


def answers(family: int, name: tuple[Any, ...] | str, path: str, within: float = 1.0) -> bool:
    """Return whether a request to a socket of that name is answered with 200 now; no proxy is ever asked."""
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(within)
        client.connect(_reachable(name))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return client.recv(12) == b"HTTP/1.1 200"
    return False


def is_answered(bind: str, port: int, path: str, within: float = 1.0) -> bool:
    """Return whether a receiver with these BIND and PORT answers a request with 200 now, each step `within` seconds."""
    with contextlib.suppress(OSError):
        name = bind.removeprefix(UNIX) if bind.startswith(UNIX) else _name(bind, port)
        return answers(family_of(bind), name, path, within)
    return False


def family_of(bind: str) -> socket.AddressFamily:
    """Return the family of the socket that BIND names."""
    if bind.startswith(UNIX):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in bind else socket.AF_INET


def _binds(arguments: str) -> tuple[list[str], list[str]]:
    """Return the addresses that gunicorn's arguments name, and the other arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-b", "--bind", action="append", default=[])
    try:
        words = shlex.split(arguments)
    except ValueError:
        words = arguments.split()
    found, others = parser.parse_known_args(words)
    return found.bind, others


def _inherited(environment: MutableMapping[str, str]) -> list[socket.socket]:
    if passed := environment.get(PASSED_ON):
        return [socket.socket(fileno=int(number)) for number in passed.split(",")]
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = environment.get("LISTEN_FDS", "0")
    if not (count.isascii() and count.isdecimal()):
        raise ConfigurationError(["LISTEN_FDS: expected the number of sockets, as systemd sets it"])
    return [_from_systemd(number) for number in range(FIRST, FIRST + int(count))]


def _from_systemd(number: int) -> socket.socket:
    with contextlib.suppress(OSError):
        one = socket.socket(fileno=number)
        if one.type == socket.SOCK_STREAM and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return one
        one.detach()
    raise ConfigurationError(
        [f"LISTEN_FDS: descriptor {number} accepts no connections; the socket unit needs ListenStream= and Accept=no"]
    )


def _tcp_socket(address: str, port: int) -> socket.socket:
    try:
        listener = socket.socket(family_of(address))
    except OSError as error:  # a machine without IPv6
        raise ConfigurationError([_fault(error, address, port)]) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(_name(address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError([_fault(error, address, port)]) from None
    return listener


def _name(address: str, port: int) -> tuple[Any, ...]:
    """Return an address as sockets take it; that of IPv6 also names the interface of fe80::1%eth0. Raises OSError."""
    return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0][4]


def _fault(error: OSError, address: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use. Stop the program that uses it, or set another: PORT={free_port(address, port)}"
    if error.errno == errno.EACCES:
        return f"PORT: {port} is reserved for the administrator ({error.strerror}); set one above 1023."
    return f"BIND: {address} is not an address of this machine ({error.strerror})."


def _unix_socket(path: str) -> socket.socket:
    """Open one that every user may connect to; the permissions of its folder limit that."""
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0)
    try:
        _remove_unused(path)
        listener.bind(path)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError([f"BIND: unix:{path} cannot be opened ({error.strerror or error})."]) from None
    finally:
        os.umask(before)
    return listener


def _remove_unused(path: str) -> None:
    """Remove the socket that an earlier process left behind. Raises OSError where something else is there."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(path)
        except ConnectionRefusedError:  # also where it is no socket
            if not Path(path).is_socket():
                raise OSError(errno.EEXIST, "something that is no socket is there") from None
            Path(path).unlink()
        except FileNotFoundError:
            if not Path(path).parent.is_dir():
                raise OSError(errno.ENOENT, f"there is no folder {Path(path).parent}") from None
        except (TimeoutError, BlockingIOError):
            raise OSError(errno.EADDRINUSE, "another program listens there, and accepts no connections") from None
        else:
            raise OSError(errno.EADDRINUSE, "another program listens there")


def _reachable(name: tuple[Any, ...] | str) -> tuple[Any, ...] | str:
    if isinstance(name, str):
        return name
    host, *rest = name  # of IPv6 also the interface, without which a link-local address leads nowhere
    return LOOPBACK.get(host, host), *rest
