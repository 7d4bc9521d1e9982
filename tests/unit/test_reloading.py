"""The check before a reload."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from gunicorn.errors import ConfigError, HaltServer

from tests.support.processes import ROOT
from webhook_app import logs, reloading
from webhook_app.cli.serving import web
from webhook_app.config import settings
from webhook_app.errors import ConfigurationError
from webhook_app.web import listening, reload
from webhook_app.web.gunicorn_worker import BoundedGeventWorker

if TYPE_CHECKING:
    from pathlib import Path

ENDING = """
import atexit, sys
from webhook_app.web.reload import end_process
class Loaded:
    def __del__(self):
        print("taken apart")
loaded = Loaded()
atexit.register(print, "registered")
print("written", end=" ")
end_process(3)
"""


def test_a_process_ends_without_taking_apart_what_it_loaded() -> None:
    """The next start behind a socket waits for the end; what is written and registered is not lost."""
    ended = subprocess.run([sys.executable, "-c", ENDING], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "written registered\n", "")


@pytest.mark.parametrize("command", ["web", "worker"])
def test_invalid_shops_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    """A reload is refused in the words of the command; without faults there are none."""
    shops = tmp_path / "shops.toml"
    shops.write_text("[shops.shop")
    monkeypatch.setenv("SHOPS_FILE", str(shops))
    assert "shops.toml: not valid TOML" in reloading.faults_of(command)


def test_valid_shops_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could start may replace the running program."""
    monkeypatch.setenv("SHOPS_FILE", "shops.demo.toml")
    assert not reloading.faults_of("web")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("--nix", "unrecognized arguments: --nix"),
        ("--worker-class sync --threads 3", "GUNICORN_CMD_ARGS: has --worker-class"),
        ("--chdir /nix", "can't chdir to '/nix'"),
        ("--bind 127.0.0.1:1", "GUNICORN_CMD_ARGS: has --bind"),
    ],
)
def test_arguments_that_would_end_the_server_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str, fault: str
) -> None:
    """They may stand in `.env` too, and come to count with the second reload."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", arguments)
    with pytest.raises((SystemExit, ConfigurationError, ConfigError)) as caught:
        web.check_server(settings.load(environ={}))
    assert fault in f"{caught.value}{capsys.readouterr().err}"


def test_old_web_processes_serve_where_new_ones_cannot_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gunicorn would end all of them, with the first that cannot begin."""
    monkeypatch.setattr(reload, "AGAIN_AFTER", 0)
    with subprocess.Popen(["/bin/sleep", "100"]) as old:
        monkeypatch.setenv(reload.PREDECESSORS, str(old.pid))
        arbiter = attached(monkeypatch, reap_workers=fail_to_boot)
        with structlog.testing.capture_logs() as logged:
            arbiter.reap_workers()
        assert [(one["event"], one["faults"]) for one in logged] == [("reload_failed", "failed to boot")]
        old.kill()
    with pytest.raises(HaltServer):
        arbiter.reap_workers()


def test_a_stop_leaves_no_old_web_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not end would hold the port; gunicorn does not know it."""
    cfg = SimpleNamespace(graceful_timeout=0)
    works: dict[str, Any] = dict.fromkeys(("stop", "reap_workers", "kill_workers"), lambda *_: None)
    with subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; echo; exec sleep 100"], stdout=subprocess.PIPE) as old:
        assert old.stdout is not None
        old.stdout.read(1)
        monkeypatch.setenv(reload.PREDECESSORS, str(old.pid))
        attached(monkeypatch, **works, cfg=cfg, LISTENERS=[], WORKERS={}).stop()
        assert old.wait(9) == -signal.SIGKILL


def fail_to_boot() -> None:
    raise HaltServer("failed to boot", 3)


def attached(monkeypatch: pytest.MonkeyPatch, **own: object) -> Any:
    """An arbiter with the handlers of this project, and nothing else that works; no signal of the tests changes."""
    names = ("stop", "halt", "murder_workers", "handle_term", "spawn_worker", "reap_workers", "signal")
    arbiter = SimpleNamespace(**{**dict.fromkeys(names), **own})
    monkeypatch.setattr(reloading, "ignore_signals", lambda: None)
    monkeypatch.setenv("SHOPS_FILE", "shops.demo.toml")
    reload.Reload().attach(arbiter)
    return arbiter


def test_check_that_cannot_run_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that was removed keeps the old program running."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert "the check did not end" in reloading.faults_of("web")


def test_a_stop_does_not_wait_for_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host kills what has not stopped after some seconds, and a check may take longer."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    assert "was asked to stop" in reloading.faults_of("web", stops=lambda: True)


def test_a_new_program_waits_until_the_configuration_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was when it was checked, and may have changed since: nothing could undo that the old program ended."""
    monkeypatch.setattr(reloading, "POLL", 0)
    faults = [["a"], ["a"], ["b"]]

    def read() -> str:
        if faults:
            raise ConfigurationError(faults.pop(0))
        return "valid"

    with pytest.raises(ConfigurationError):
        reloading.read_when_valid(read, "web")
    monkeypatch.setenv(reloading.REPLACED, "1")
    monkeypatch.setenv("LOG_FORMAT", "json")
    configured = list[object]()
    monkeypatch.setattr(logs, "configure", lambda *arguments: configured.append(arguments))
    with structlog.testing.capture_logs() as logged:
        assert reloading.read_when_valid(read, "web") == "valid"
    assert configured == [("INFO", "json")]
    assert [(one["event"], one["faults"]) for one in logged] == [("reload_refused", "a"), ("reload_refused", "b")]


def test_a_new_program_that_waits_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its signals are blocked until it has handlers for them."""

    def read() -> None:
        raise ConfigurationError(["a"])

    monkeypatch.setenv(reloading.REPLACED, "1")
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            reloading.read_when_valid(read, "web")
        assert ended.value.code == 0
    finally:
        signal.sigtimedwait({signal.SIGTERM}, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def test_a_stop_that_comes_while_a_web_process_starts_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the arbiter's handlers at first, in which a signal would end in a queue that nothing reads."""
    monkeypatch.setenv(reload.PREDECESSORS, "")
    blocked = list[bool]()

    def spawn() -> int:
        blocked.append(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        return 1

    arbiter = attached(monkeypatch, spawn_worker=spawn)
    assert arbiter.spawn_worker() == 1
    blocked.append(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    assert blocked == [True, False]
    monkeypatch.setattr(signal, "signal", lambda *_: spawn())
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    BoundedGeventWorker.__new__(BoundedGeventWorker).init_signals()
    blocked.append(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    assert set(blocked[2:-1]) == {True}
    assert blocked[-1] is False


def test_a_signal_to_stop_during_the_check_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arbiter does not become a new program, which would not know of it; it goes on, and stops."""
    started, received = list[str](), list[int]()
    monkeypatch.setattr("os.execv", lambda *_: started.append("program"))
    for name in (reload.PREDECESSORS, listening.PASSED_ON):
        monkeypatch.setenv(name, "")  # so that they are as before afterwards
    for signals in ((), (signal.SIGTERM,)):
        received_by = {"signal": lambda number, _: received.append(number)}
        arbiter = attached(monkeypatch, **received_by, WORKERS={}, LISTENERS=[])

        def check(*_: object, arrives: tuple[int, ...] = signals, arbiter: Any = arbiter) -> str:
            for number in arrives:
                arbiter.signal(number, None)
            return ""

        monkeypatch.setattr(reloading, "faults_of", check)
        arbiter.reload()
    assert (started, received) == (["program"], [signal.SIGTERM])
