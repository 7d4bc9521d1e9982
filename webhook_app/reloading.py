"""SIGHUP: a process checks the configuration and the code, and is then replaced by a new program with the same number.

Where anything is wrong the running program goes on as it was.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, TypeVar

from webhook_app import logs
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

CHECK_WITHIN, POLL = 60.0, 0.1  # seconds
MAX_FAULTS = 2000  # characters of the check's messages that are logged
CHANGES = "WEBHOOKS_CHANGES"  # what is new, for the command that checks it
REPLACED = "WEBHOOKS_REPLACED"  # set for a program that replaced another one, until it is ready
ACCEPTED = "The configuration is valid."
# From the moment when the old program ends until the new one has its handlers, or a second SIGHUP would end it.
STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
SIGNALS = {signal.SIGHUP, *STOPS}
# Other servers reopen their logs, start a second program, or change the number of their processes. Python would end.
IGNORED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH)
T = TypeVar("T")


def has_terminal() -> bool:
    """Return whether this process reads from a terminal; false after that was closed."""
    return os.isatty(0)


STARTED_IN_TERMINAL = has_terminal()


def terminal_was_closed() -> bool:
    """Return whether a SIGHUP came because the terminal was closed: it ends a process then, as it always did."""
    return STARTED_IN_TERMINAL and not has_terminal()


def faults_of(command: str, changes: str = "", stops: Callable[[], bool] = lambda: False) -> str:
    """Return why `web` or `worker` could not start anew, in the words of the command; empty where it could.

    `changes` is what is new, in words: the command records it as an audit event where it could. The check is given up
    once this process was asked to end (`stops`), which must not wait for it.
    """
    line = [sys.executable, "-m", "webhook_app", command, "--check"]
    environment = {**os.environ, CHANGES: changes}
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env=environment) as checking:  # noqa: S603 - a fixed command line
            output, errors = _read(checking, stops)
    except OSError as error:
        return f"the check did not end: {error}"
    if ACCEPTED in output:
        return ""
    return errors.strip()[-MAX_FAULTS:] or f"the check ended with exit code {checking.returncode}"


def _read(checking: subprocess.Popen[str], stops: Callable[[], bool]) -> tuple[str, str]:
    """Return what a process writes until it ends; kill it where that takes too long."""
    until = time.monotonic() + CHECK_WITHIN
    while True:
        try:
            return checking.communicate(timeout=POLL)
        except subprocess.TimeoutExpired:
            if stops() or time.monotonic() > until:
                checking.kill()
                checking.communicate()
                return "", "the check did not end before this process was asked to stop, or in time"


def read_when_valid(read: Callable[[], T], process: str) -> T:
    """Return what `read` returns; a program that replaced another one waits until the configuration is valid.

    It was when it was checked, and may have changed since. Raises ConfigurationError in any other program, SystemExit
    where the process is asked to end.
    """
    logged: tuple[str, ...] = ()
    while True:
        try:
            return read()
        except ConfigurationError as error:
            if REPLACED not in os.environ:
                raise
            if not logged:  # nothing else has configured them yet
                logs.configure("INFO", "json" if os.environ.get("LOG_FORMAT") == "json" else "console")
            if error.faults != logged:
                logged = error.faults
                logs.logger().error("reload_refused", process=process, faults="\n".join(logged))
        end_if_asked()
        time.sleep(POLL)


def end_if_asked() -> None:
    """End a program that replaced another one, and has no handlers yet, where a signal to stop waits for them."""
    if REPLACED in os.environ and signal.sigpending() & STOPS:
        sys.exit(0)


def ignore_signals() -> None:
    """Ignore the signals that have no meaning here, in the programs that this process becomes or starts too."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


def replace_program(arguments: list[str], stops: Callable[[], bool]) -> None:
    """Run Python with these arguments in this process. Raises OSError, and nothing has changed then.

    Returns where the process was asked to end: the new program would not know of a signal that arrived before.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        if stops():
            return
        os.environ[REPLACED] = "1"
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - a fixed command line
    finally:
        ready_for_signals()


def ready_for_signals() -> None:
    """Receive signals again; a program that was started by replace_program() calls this once it handles them."""
    os.environ.pop(REPLACED, None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
