"""Tunnels: a real sshd, and stand-ins that print the output of cloudflared and ngrok."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support import processes
from tests.support.sshd import Sshd, needed
from tests.support.web_server import running
from webhook_app.errors import TunnelRefusedError
from webhook_app.tunnels import TUNNELS, runner
from webhook_app.tunnels.base import TunnelFailed, TunnelOpened, TunnelOptions
from webhook_app.tunnels.runner import TunnelRunner

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

OUTPUT = Path(__file__).parents[1] / "support/tunnel_output"
PORT = 8000
SSH = TUNNELS["ssh"]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from this machine")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def receiver() -> Iterator[int]:
    """Something that answers on a port of this machine."""
    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield port


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An SSH server that prints what localhost.run prints."""
    host = Sshd(tmp_path_factory.mktemp("sshd"), (OUTPUT / "localhost.run.txt").read_text())
    yield host
    host.stop()


class RunningTunnel:
    """A running `tunnel` command, and what it logged."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log

    def addresses(self) -> list[str]:
        return [line["url"] for line in self.logged() if line["event"] == "tunnel_opened"]

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def opened(self, times: int) -> str:
        processes.wait_for(lambda: len(self.addresses()) >= times, within=20)
        return self.addresses()[-1]

    def program(self) -> int:
        (pid,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(pid)


@contextlib.contextmanager
def tunnel(name: str, *options: str, port: int, log: Path, path: Path | None = None) -> Iterator[RunningTunnel]:
    env = processes.environment(PORT=str(port), LOG_FORMAT="json")
    if path:
        env["PATH"] = f"{path}:{env['PATH']}"
    with processes.running("tunnel", name, *options, env=env, log=log) as process:
        yield RunningTunnel(process, log)


def stand_in(folder: Path, name: str, script: str) -> Path:
    """An executable of that name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("file", "url"),
    [
        ("localhost.run.txt", "https://9239ab27cc1ba2.lhr.life"),
        ("serveo.txt", "https://relego.serveo.net"),
        ("sish.txt", "https://made-up.tuns.example"),
        ("pinggy.txt", "https://rnanj-198-51-100-7.a.free.pinggy.link"),
    ],
)
def test_address_of_a_service_is_found(file: str, url: str) -> None:
    """Of all the links that a service prints, the one that is the tunnel's address counts."""
    events = [SSH.read(line.strip(), TunnelOptions(PORT, "a@b")) for line in (OUTPUT / file).read_text().splitlines()]
    assert not [one for one in events if isinstance(one, TunnelFailed)]
    assert [one.url for one in events if isinstance(one, TunnelOpened)] == [url]


def test_own_options_come_first() -> None:
    """The first value of an option counts for ssh, so that must be the user's."""
    options = TunnelOptions(PORT, "me@example.com:2222", "9000", "https://a.example", ("ServerAliveInterval=60",))
    command = SSH.command(options)
    assert command.index("ServerAliveInterval=60") < command.index("ServerAliveInterval=10")
    assert command[-1] == "ssh://me@example.com:2222"
    assert "9000:127.0.0.1:8000" in command
    assert "-N" in command


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "me@-x", "me@host:port", "me@host/path"])
def test_odd_host_is_refused(host: str) -> None:
    """An invalid host never reaches the command line of ssh."""
    assert SSH.faults(TunnelOptions(PORT, host))


@needed
def test_reached_from_outside_and_opened_again(host: Sshd, receiver: int, tmp_path: Path) -> None:
    """A request to the host's port arrives here; when ssh is killed, or the host goes away, it opens again."""
    with tunnel(
        "ssh", *host.arguments(), "--tunnel-url=http://127.0.0.1:{port}", port=receiver, log=tmp_path / "log"
    ) as running:
        assert requests.get(running.opened(1), timeout=10).text == "from this machine"
        os.kill(running.program(), signal.SIGKILL)
        assert requests.get(running.opened(2), timeout=10).text == "from this machine"
        host.stop()
        processes.wait_for(lambda: len(running.logged()) >= 4, within=10)
        host.start()
        assert requests.get(running.opened(3), timeout=10).text == "from this machine"
        program = running.program()
    assert running.process.returncode == 0
    assert processes.gone([program])


@needed
def test_killed_tunnel_leaves_no_ssh(host: Sshd, receiver: int, tmp_path: Path) -> None:
    """Even after kill -9 of the command ssh ends."""
    with tunnel("ssh", *host.arguments(), port=receiver, log=tmp_path / "log") as running:
        assert running.opened(1) == "https://9239ab27cc1ba2.lhr.life"  # read from what the host's session prints
        program = running.program()
        running.process.kill()
        assert processes.gone([program])


@needed
@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("other", "ssh-add"),
        ("unknown", "StrictHostKeyChecking=accept-new"),
        ("changed", "ssh-keygen -R"),
        ("taken", "--tunnel-remote"),
        ("away", "check --tunnel-host"),
    ],
)
def test_refusal_says_what_to_do(host: Sshd, receiver: int, tmp_path: Path, problem: str, text: str) -> None:
    """Each refusal of a host ends it, with advice."""
    known = tmp_path / "known_hosts"
    entry, key = host.known_hosts.read_text().split()[0], (host.folder / "other.pub").read_text()
    known.write_text({"unknown": "", "changed": f"{entry} {key}"}.get(problem, host.known_hosts.read_text()))
    options = f"UserKnownHostsFile={known}", *host.options("other" if problem == "other" else "client")
    destination = f"127.0.0.1:{processes.free_port()}" if problem == "away" else host.destination
    remote = f"127.0.0.1:{receiver if problem == 'taken' else 0}"
    with pytest.raises(TunnelRefusedError, match=re.escape(text)):
        TunnelRunner(SSH, TunnelOptions(receiver, destination, remote, "http://a.example", options)).run()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("cloudflared", "https://four-made-up-words.trycloudflare.com"),
        ("ngrok", "https://94b1-198-51-100-7.ngrok-free.app"),
    ],
)
def test_address_is_read_from_the_output(name: str, url: str, receiver: int, tmp_path: Path) -> None:
    """The address is read from the output; when the program ends, it is started again."""
    script = f'echo "$@" >> {tmp_path}/arguments; cat {OUTPUT}/{name}.txt; exec sleep 60'
    path = stand_in(tmp_path / "bin", name, script)
    with tunnel(name, port=receiver, log=tmp_path / "log", path=path) as running:
        assert running.opened(1) == url
        os.kill(running.program(), signal.SIGTERM)
        assert running.opened(2) == url
        program = running.program()
    assert processes.gone([program])
    assert f"127.0.0.1:{receiver}" in (tmp_path / "arguments").read_text()
    assert [line.get("same") for line in running.logged() if line["event"] == "tunnel_opened"] == [False, True]


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("cloudflared", "cloudflared-away", "cannot be reached"),
        ("ngrok", "ngrok-refused", "ngrok config add-authtoken"),
    ],
)
def test_refusal_of_a_service_is_reported(name: str, file: str, text: str, receiver: int, tmp_path: Path) -> None:
    """A program that gives up ends the command, with what to do."""
    path = stand_in(tmp_path / "bin", name, f"cat {OUTPUT}/{file}.txt; exit 1")
    env = processes.environment(PORT=str(receiver), PATH=f"{path}:{os.environ['PATH']}")
    result = processes.command("tunnel", name, env=env)
    assert result.returncode == 1
    assert text in result.stderr


@pytest.mark.parametrize("name", TUNNELS)
def test_missing_program_is_reported(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the program is not installed, the message says where to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TunnelRefusedError, match=f"{name} is not installed"):
        TunnelRunner(TUNNELS[name], TunnelOptions(PORT, "a.example" if name == "ssh" else ""))


def test_silent_program_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that prints no address in time is stopped; the message quotes its last line."""
    path = stand_in(tmp_path / "bin", "ngrok", "echo thinking; exec sleep 60")
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    monkeypatch.setattr(runner, "OPEN_WITHIN", 0.5)
    with pytest.raises(TunnelRefusedError, match=r"no address within.*thinking"):
        TunnelRunner(TUNNELS["ngrok"], TunnelOptions(PORT)).run()


def test_it_waits_for_the_receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened before something answers here."""
    path = stand_in(tmp_path / "bin", "ngrok", f"touch {tmp_path}/started; exit 1")
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    checks = []

    def ready() -> bool:
        checks.append((tmp_path / "started").exists())
        return len(checks) > 2

    with pytest.raises(TunnelRefusedError):
        TunnelRunner(TUNNELS["ngrok"], TunnelOptions(PORT)).run(ready)
    assert checks == [False] * 3
    assert (tmp_path / "started").exists()
