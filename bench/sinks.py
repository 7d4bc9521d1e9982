"""Servers in place of Tweakwise: nginx where it should cost nothing, a program of the bench where it should be slow."""

from __future__ import annotations

import http.client
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.paths import BENCH
from bench.processes import environment, free_port, listens, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POLL = 0.02  # seconds
NO_CALL_FOR = 20.0  # seconds; no contestant is slower to begin


class NoCallsError(Exception):
    """A contestant that should send does not."""


@dataclass(slots=True)
class Sink:
    """A running sink: `url` as TWEAKWISE_URL takes it; `record` is the file of received calls, if it writes one."""

    port: int
    record: Path | None = None
    _asked: int = 0

    @property
    def url(self) -> str:
        """Where calls go."""
        return f"http://127.0.0.1:{self.port}"

    def count(self) -> int:
        """Return how many calls came."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", "/status")
            text = connection.getresponse().read().decode()
        self._asked += 1
        if text.startswith("requests "):
            return int(text.split()[1])
        # nginx: three numbers under the heading "accepts handled requests"; our own questions are among the last.
        return int(text.splitlines()[2].split()[2]) - self._asked

    def wait_for(self, calls: int, still: Callable[[], bool] = lambda: True) -> float:
        """Return when so many calls had arrived; raises NoCallsError when `still` is False or none arrive."""
        seen, deadline = -1, time.monotonic() + NO_CALL_FOR
        while (came := self.count()) < calls:
            if came > seen:
                seen, deadline = came, time.monotonic() + NO_CALL_FOR
            if time.monotonic() > deadline or not still():
                raise NoCallsError(f"{came} of {calls} calls came")
            time.sleep(POLL)
        return time.monotonic()


@contextmanager
def at_once(folder: Path) -> Iterator[Sink]:
    """Run nginx, which answers at once."""
    port = free_port()
    text = (BENCH / "nginx.conf").read_text(encoding="utf-8")
    config = folder / "nginx.conf"
    config.write_text(text.replace("FOLDER", str(folder)).replace("PORT", str(port)), encoding="utf-8")
    command: list[str | Path] = ["nginx", "-e", "stderr", "-p", folder, "-c", config]
    with running(command, environment(), folder / "sink.log", lambda: listens(port)):
        yield Sink(port)


@contextmanager
def recording(folder: Path, milliseconds: float = 0) -> Iterator[Sink]:
    """Run the sink that takes so long and remembers when which order's call came."""
    port, record = free_port(), folder / "calls.txt"
    command: list[str | Path] = [sys.executable, "-m", "bench.recording_sink", str(port), str(milliseconds), record]
    with running(command, environment(), folder / "sink.log", lambda: listens(port)):
        yield Sink(port, record)
