"""A tunnel as a value: the program to start, and how to interpret the lines that it prints; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class TunnelOptions:
    """The options of --tunnel; "" where an option was not given.

    `port` is the receiver's, on this machine. `host` is the destination of ssh, `remote` the port there to listen on
    (`[name:]port`), `url` the public address if it is known in advance; `options` are passed to the program.
    """

    port: int
    host: str = ""
    remote: str = ""
    url: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TunnelOpened:
    """A line which shows that the tunnel is open, at this public address."""

    url: str


@dataclass(frozen=True, slots=True)
class TunnelFailed:
    """A line which shows that the tunnel cannot open; `hint` is what to do, `permanent` that a retry will not help."""

    hint: str
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One program that opens a tunnel.

    `faults` returns what is wrong with the options before anything starts, `command` the command line. `read`
    interprets a line of output, None where it does not matter; `chatter` are beginnings of lines that never matter.
    """

    name: str
    install: str
    faults: Callable[[TunnelOptions], Sequence[str]]
    command: Callable[[TunnelOptions], list[str]]
    read: Callable[[str, TunnelOptions], TunnelOpened | TunnelFailed | None]
    chatter: tuple[str, ...] = ()


def matching(line: str, failures: Sequence[tuple[str, TunnelFailed]]) -> TunnelFailed | None:
    """Return the first failure whose text is in `line`."""
    return next((failure for text, failure in failures if text in line), None)
