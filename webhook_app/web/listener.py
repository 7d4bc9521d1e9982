"""Accepts the connections of a web process so that the processes, which share one listening socket, share them too."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import gevent
from gevent.server import StreamServer

MAX_SHARE = 16  # connections in one round of the event loop
SLOWLY = 8  # a round takes one for each so many that were accepted before it, and at least one
PAUSE = 0.001  # seconds between two rounds: other processes wake up within
QUIET = 0.05  # seconds without a connection, after which sharing begins anew


class Listener(StreamServer):
    """Accepts one connection, pauses for other processes to take theirs, and takes more in each next round.

    The first process to wake up would otherwise take all connections that a client opens at once, and serve them alone
    for as long as they are open. Once many have arrived there is no pause any more, and a round takes as many as it can
    without making requests wait: a genuine client must not wait behind a crowd.
    """

    max_accept = MAX_SHARE + 1  # calls of do_read in one round, of which the last ends it
    _accepted, _left = 0, 1  # how many connections since the last quiet time, and how many more in this round
    _latest = 0.0  # in monotonic seconds

    def do_read(self) -> Any:
        """Accept a connection; None at the end of a round."""
        before, self._latest = self._latest, time.monotonic()
        if self._latest - before > QUIET:
            self._accepted, self._left = 0, 1
        if not self._left:
            self._begin_round()
            return None
        accepted = super().do_read()
        if accepted is not None:
            self._accepted, self._left = self._accepted + 1, self._left - 1
        return accepted

    def accept_rest(self) -> None:
        """Accept what has connected: the kernel would reset it when the last process closes the socket."""
        with suppress(OSError):
            while not self.full() and (arguments := super().do_read()):
                self.do_handle(*arguments)

    def _begin_round(self) -> None:
        self._left = min(max(self._accepted // SLOWLY, 1), MAX_SHARE)
        if self._left < MAX_SHARE:
            self.stop_accepting()
            gevent.spawn_later(PAUSE, self._resume)

    def _resume(self) -> None:
        if self.started:
            self.start_accepting()
