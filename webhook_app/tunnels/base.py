"""What a tunnel is: a value that says which program to start, and what the lines that it prints mean; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class TunnelOptions:
    """What a person asked for; "" is what was not said.

    `port` is the receiver's, on this machine. `host` is ssh's destination, `remote` what it shall listen on
    (`[name:]port`), `url` the public address where that is known beforehand, `options` go to the program.
    """

    port: int
    host: str = ""
    remote: str = ""
    url: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A line that says that the tunnel is open, at this public address."""

    url: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that says that it will not open; `hint` is what a person can do, `lasting` that waiting helps nobody."""

    hint: str
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One program that opens a tunnel.

    `faults` finds what is wrong with a wish before anything starts, `command` is the command line, `read` tells what
    a line of its output means, None for nothing that matters, and `chatter` are beginnings of lines that never matter.
    """

    name: str
    install: str
    faults: Callable[[TunnelOptions], Sequence[str]]
    command: Callable[[TunnelOptions], list[str]]
    read: Callable[[str, TunnelOptions], Opened | Refused | None]
    chatter: tuple[str, ...] = ()


def matching(line: str, refusals: Sequence[tuple[str, Refused]]) -> Refused | None:
    """Return the first refusal whose text is in `line`."""
    return next((refused for text, refused in refusals if text in line), None)
