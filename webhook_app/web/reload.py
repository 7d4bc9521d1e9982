"""Reload and stop of gunicorn without a refused connection: old processes serve until the new ones do."""

from __future__ import annotations

import atexit
import contextlib
import mmap
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from gunicorn.errors import HaltServer
from gunicorn.sock import close_sockets

from webhook_app import logs, reloading
from webhook_app.config import configuration, env_file
from webhook_app.config.watch import ConfigurationWatch, Read
from webhook_app.web import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.config.configuration import Configuration

PREDECESSORS = "WEBHOOKS_PREDECESSORS"  # the numbers of the web processes that the new program replaces
POLL = 0.01  # seconds
STOP_WITHIN = 9.0  # seconds
AGAIN_AFTER = 1.0  # seconds until a web process that could not begin is started again
GUNICORN = ("--config", "gunicorn.conf.py")
HURRIES = (signal.SIGINT, signal.SIGQUIT)  # once it stops already
PROC = Path("/proc")


class Reload:
    """Attached to gunicorn's arbiter, whose own reload would keep the code and end at an invalid configuration.

    At SIGHUP, and when shops changed, another process first checks everything. The arbiter then becomes a new program
    with the same number and the same sockets. Each new web process stops one of the old as soon as it serves.
    """

    def __init__(self) -> None:
        """Take over what the previous program left in the environment, and read the configuration.

        Once for all web processes: one that replaces another later has the same shops, whatever the files hold then.
        """
        self._predecessors = [int(number) for number in os.environ.pop(PREDECESSORS, "").split(",") if number]
        self._has_inherited = listening.PASSED_ON in os.environ
        self.configuration = self._read()
        self._watch = ConfigurationWatch(Read(self.configuration.shops, self.configuration.users), for_web=True)
        self._stops, self._hurries = False, False
        self._server_stops = mmap.mmap(-1, 1)  # shared with the web processes: not 0 once the whole server stops

    def _read(self) -> Configuration:
        """Read the configuration; where it became invalid since it was checked, the predecessors serve until it is."""
        try:
            return reloading.read_when_valid(_read, "web")
        except SystemExit:
            for pid in self._predecessors:
                _stop_child(pid, os.getpid())
            self._wait_for_predecessors(STOP_WITHIN)
            raise

    def attach(self, server: Any) -> None:
        """Replace the arbiter's handlers; gunicorn calls this before it starts."""
        stop, murder, received = server.stop, server.murder_workers, server.signal
        halt = server.halt
        server.halt = lambda reason=None, exit_status=0: _halt(halt, reason, exit_status)
        server.signal = lambda number, frame: self._received(number, frame, received)
        server.systemd = self._has_inherited  # otherwise it would remove the file of a socket that stays open
        server.reload = lambda: self._reload(server)
        server.murder_workers = lambda: self._each_second(server, murder)
        server.stop = lambda graceful=True: self._stop(server, stop, graceful=graceful)
        reap = server.reap_workers
        server.reap_workers = lambda: self._reap(reap)
        spawn = server.spawn_worker
        server.spawn_worker = lambda: _spawned(spawn)
        server.SIGNALS = sorted(reloading.SIGNALS)
        reloading.ignore_signals()
        server.handle_int = server.handle_quit = server.handle_term  # finishes requests; a second one does not

    def _received(self, number: int, frame: Any, received: Callable[[int, Any], None]) -> None:
        """Remember to stop: gunicorn's queue of signals ends with the program, also while a reload is checked."""
        self._hurries = self._hurries or (self._stops and number in HURRIES)
        self._stops = self._stops or number in reloading.STOPS
        received(number, frame)

    def serving(self, worker: Any) -> None:
        """Stop the predecessors whose place this web process takes; gunicorn calls this before it serves."""
        worker.serves_on = lambda: bool(self._server_stops[0])
        for pid in self._predecessors[(worker.age - 1) % worker.cfg.workers :: worker.cfg.workers]:
            _stop_child(pid, os.getppid())

    def _reload(self, server: Any) -> None:
        if reloading.terminal_was_closed():
            raise StopIteration  # as at SIGTERM
        self._take_over(server, self._watch.changes())

    def _each_second(self, server: Any, murder: Callable[[], None]) -> None:
        """Take over shops that changed; gunicorn calls this to end web processes that hang."""
        murder()
        found = self._watch.look()
        if found.faults:
            logs.logger().error("reload_refused", process="web", faults="\n".join(found.faults))
        elif found.changes:
            self._take_over(server, found.changes)

    def _take_over(self, server: Any, changes: str) -> None:
        if faults := reloading.faults_of("web", changes, lambda: self._stops):
            logs.logger().error("reload_refused", process="web", faults=faults)
            return
        logs.logger().info("reload_accepted", process="web", changes=changes or None)
        alive = [*server.WORKERS, *self._predecessors]
        os.environ[PREDECESSORS] = ",".join(str(pid) for pid in alive if _is_child(pid, os.getpid()))
        listening.pass_on(server.LISTENERS, os.environ)
        listening.drop_bind(os.environ)
        reloading.replace_program(["-m", "gunicorn", *GUNICORN], lambda: self._stops)

    def _reap(self, reap: Callable[[], None]) -> None:
        """Remove web processes that ended; where new ones cannot begin, gunicorn would end the old ones too."""
        try:
            reap()
        except HaltServer as error:
            if self._stops or not self._has_predecessors():
                raise
            logs.logger().error("reload_failed", process="web", faults=error.reason)
            time.sleep(AGAIN_AFTER)

    def _stop(self, server: Any, stop: Callable[[bool], None], *, graceful: bool) -> None:
        """Stop predecessors too, and wait for them as long as for the others."""
        self._server_stops[0] = 1
        for pid in self._predecessors:
            _stop_child(pid, os.getpid())
        if graceful:
            self._wait_for_children(server)
        stop(graceful)

    def _wait_for_children(self, server: Any) -> None:
        """Stop accepting and return as soon as the last web process has ended: the next start may wait for it.

        gunicorn's own wait looks every 0.1 seconds. Those that are left in the end are killed, as it does.
        """
        until = time.monotonic() + server.cfg.graceful_timeout
        close_sockets(server.LISTENERS, unlink=not server.systemd)
        server.LISTENERS = []
        server.kill_workers(signal.SIGTERM)
        while self._has_children(server) and time.monotonic() < until and not self._hurries:
            time.sleep(POLL)
        if time.monotonic() >= until:
            server.kill_workers(signal.SIGKILL)
        for pid in self._predecessors:  # those that are left, which gunicorn does not know
            _stop_child(pid, os.getpid(), signal.SIGKILL)

    def _has_children(self, server: Any) -> bool:
        server.reap_workers()
        return bool(server.WORKERS) or self._has_predecessors()

    def _has_predecessors(self) -> bool:
        return any(_is_child(pid, os.getpid()) for pid in self._predecessors)

    def _wait_for_predecessors(self, within: float) -> None:
        until = time.monotonic() + within
        while self._has_predecessors() and time.monotonic() < until:
            time.sleep(POLL)


def _read() -> Configuration:
    env_file.load()
    return configuration.load_for_web()


def end_process(status: int) -> NoReturn:
    """End this process without taking apart what it has loaded: that takes long, and the next start may wait for it.

    What is registered for the end of the process runs first.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - os._exit() does not, and no other function does
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _halt(halt: Callable[[Any, int], None], reason: Any, status: int) -> None:
    with contextlib.suppress(SystemExit):
        halt(reason, status)
    end_process(status)


def _spawned(spawn: Callable[[], int]) -> int:
    """Start a web process, which receives SIGTERM once it has a handler: one that came before would be lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        return spawn()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _stop_child(pid: int, parent: int, number: int = signal.SIGTERM) -> None:
    if _is_child(pid, parent):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_child(pid: int, parent: int) -> bool:
    """Return whether `pid` runs and still belongs to `parent`; without /proc only whether it runs."""
    try:
        if PROC.is_dir():
            state, found, *_ = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
            return state != "Z" and int(found) == parent
        os.kill(pid, 0)
    except (OSError, ValueError):
        return False
    return True
