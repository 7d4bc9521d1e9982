"""`dev`: everything for testing in one terminal, reached through a real ssh tunnel, and `send-sample` many times."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import requests
from click.testing import CliRunner

from tests.support import local_stack, processes
from tests.support.deliveries import arrival, claim_one, settle
from tests.support.sshd import Sshd, needed
from webhook_app.cli import main
from webhook_app.cli.support.log_reader import SLOW, LogReader
from webhook_app.inbox import State
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Clock
    from tests.support.local_stack import LocalStack
    from webhook_app.inbox import Inbox

OUTSIDE = re.compile(r"Reachable from outside at (http://127\.0\.0\.1:\d+)")
ESCAPE = "\x1b["


class Dev:
    """A `dev` under way."""

    def __init__(self, stack: LocalStack) -> None:
        """Read what that process prints."""
        self.stack = stack

    @property
    def output(self) -> str:
        return self.stack.log.read_text()

    def prints(self, wanted: str) -> str:
        """Wait until the output has `wanted`; returns the newest match, or its group."""
        processes.wait_for(lambda: re.search(wanted, self.output) is not None)
        return str(re.findall(wanted, self.output)[-1])

    def line(self, wanted: str) -> str:
        """Wait for a line with `wanted`, and return the first."""
        self.prints(wanted)
        return next(line for line in self.output.splitlines() if re.search(wanted, line))

    def sample(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return processes.command("send-sample", *arguments, env=self.stack.env)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    host = Sshd(tmp_path_factory.mktemp("sshd"))
    yield host
    host.stop()


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory, host: Sshd) -> Iterator[Dev]:
    """One with a tunnel, shared: starting takes seconds."""
    options = ["--tunnel=ssh", *host.arguments(), "--tunnel-url=http://127.0.0.1:{port}"]
    with local_stack.started(tmp_path_factory.mktemp("dev"), "dev", *options) as stack:
        yield Dev(stack)


@needed
def test_it_says_what_to_paste(dev: Dev) -> None:
    """For each shop the URL from outside, and the topics to subscribe to."""
    outside = dev.prints(OUTSIDE.pattern)
    text = dev.output
    assert f"{outside}/webhooks/shopify/demo-shopify" in text
    assert f"{outside}/webhooks/woocommerce/demo-woocommerce" in text
    assert "orders/create, orders/paid, orders/updated" in text
    assert text.index("Ready.") < text.index("Reachable from outside")


@needed
def test_a_webhook_arrives_through_the_tunnel(dev: Dev) -> None:
    """One line tells the whole way of an event, and the local Tweakwise has it."""
    url = f"{dev.prints(OUTSIDE.pattern)}/webhooks/shopify/demo-shopify"
    sent = dev.sample("shopify", "orders/create", "--url", url, "--secret", "demo-shopify-secret")
    assert sent.returncode == 0, sent.stderr
    number = json.loads(sent.stdout.splitlines()[1].partition(" ")[2])["id"]
    line = dev.line(f"#{number} ")
    assert re.search(
        r"demo-shopify +orders/create +verified, stored in [\d.]+ ms -> purchase of 8011551572211, 8011551572212 "
        r"for 27\.19 -> delivered \(2xx\) in \d+ ms$",
        line,
    )
    events = requests.get(f"http://127.0.0.1:{dev.stack.sandbox_port}/events", timeout=10).json()["events"]
    assert "purchase" in [event["event"] for event in events]


@needed
def test_what_was_refused_is_told_with_its_reason(dev: Dev) -> None:
    """A wrong secret, a shop that does not exist, and a browser: each has a line that says why."""
    url = f"{dev.prints(OUTSIDE.pattern)}/webhooks/shopify"
    wrong = dev.sample("shopify", "orders/create", "--url", f"{url}/demo-shopify", "--secret", "another")
    assert wrong.returncode == 1
    requests.post(f"{url}/nobody", data="{}", timeout=10)
    requests.get(f"{url}/demo-shopify", timeout=10)
    assert "demo-shopify  signature_mismatch: " in dev.line(" 401 ")
    assert "unknown_shop: " in dev.line(" 404 ")
    assert "method_not_allowed: " in dev.line(" 405 ")


@needed
def test_trouble_at_tweakwise_is_told(dev: Dev) -> None:
    """What could not be delivered says why, and when it is tried again."""
    trouble = f"http://127.0.0.1:{dev.stack.sandbox_port}/trouble"
    requests.post(trouble, json={"status": 503}, timeout=10)
    dev.sample("woocommerce", "order.created")
    line = dev.line("waiting in")
    assert "waiting in" in line
    assert "Tweakwise answered 503 (http_503); attempt 1 failed, next attempt in" in line
    requests.delete(trouble, timeout=10)


@needed
def test_samples_of_every_topic_at_a_pace(dev: Dev) -> None:
    """--all sends each topic of each shop, --repeat so often, --rate not faster; the answers are summed up."""
    requests.delete(f"http://127.0.0.1:{dev.stack.sandbox_port}/trouble", timeout=10)
    demo = tomllib.loads(Path("shops.demo.toml").read_text(encoding="utf-8"))["shops"]
    count = 2 * sum(len(all_platforms()[shop["platform"]].topics) for shop in demo.values())
    began = time.monotonic()
    sent = dev.sample("--all", "--repeat", "2", "--rate", "40")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert time.monotonic() - began >= (count - 1) / 40
    assert re.search(r"^demo-shopify +orders/create +2 +200 stored$", sent.stdout, re.MULTILINE)
    assert re.search(r"^demo-woocommerce +order.updated +2 +200 stored$", sent.stdout, re.MULTILINE)
    assert re.search(rf"^{count} sent in [\d.]+ s .*: {count} accepted, 0 not\.$", sent.stdout, re.MULTILINE)
    assert "Outcome: " in sent.stdout
    assert "delivered" in sent.stdout
    assert ESCAPE not in sent.stdout


@needed
def test_refused_samples_are_counted(dev: Dev) -> None:
    """Where some were not accepted the exit code is 1, and the answers say why."""
    sent = dev.sample("shopify", "orders/paid", "--repeat", "3", "--secret", "another")
    assert sent.returncode == 1
    assert re.search(r"3 +401 signature_mismatch$", sent.stdout, re.MULTILINE)
    assert "0 accepted, 3 not." in sent.stdout


@needed
def test_it_is_opened_again(dev: Dev) -> None:
    """When ssh is killed it says so, and webhooks arrive again."""
    (ssh,) = [pid for pid in dev.stack.children() if b"\0-R\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(ssh, signal.SIGKILL)
    dev.prints("tunnel  lost: ")
    moved = dev.prints(f"{OUTSIDE.pattern} now: the earlier address")
    url = f"{moved}/webhooks/woocommerce/demo-woocommerce"
    sent = dev.sample("woocommerce", "order.created", "--url", url, "--secret", "demowoocommercesecret")
    assert sent.returncode == 0, sent.stdout + sent.stderr


@needed
def test_no_colours_in_a_file(dev: Dev) -> None:
    """Only a terminal gets colours."""
    assert ESCAPE not in dev.output


@needed
def test_killed_dev_leaves_nothing_behind(dev: Dev) -> None:
    """Even after kill -9 no server and no ssh runs on."""
    children = dev.stack.children()
    assert len(children) >= 6
    dev.stack.process.kill()
    dev.stack.process.wait()
    assert processes.gone(children)


def test_ctrl_c_in_a_terminal(tmp_path: Path) -> None:
    """In a real terminal Ctrl-C ends all of it with exit code 0; NO_COLOR is honoured, also by what is told."""
    port, sandbox_port = processes.free_port(), processes.free_port()
    url = f"sqlite:///{tmp_path / 'inbox.db'}"
    env = processes.environment(PORT=str(port), DATABASE_URL=url, SHOPS_FILE="shops.demo.toml", NO_COLOR="1")
    terminal, theirs = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "webhook_app", "dev", f"--sandbox-port={sandbox_port}"]
    process = subprocess.Popen(command, cwd=processes.ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = read(terminal, "Ctrl-C stops everything")
    assert processes.command("send-sample", "shopify", "orders/create", env=env).returncode == 0
    text += read(terminal, "delivered")
    below = processes.below(process.pid)
    os.write(terminal, b"\x03")
    assert process.wait(processes.LONGEST) == 0
    os.close(terminal)
    assert processes.gone(below)
    assert ESCAPE not in text


def read(terminal: int, wanted: str) -> str:
    text, deadline = "", time.monotonic() + 30
    while wanted not in text:
        assert time.monotonic() < deadline, text
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 4096).decode()
    return text


@pytest.mark.parametrize("name", ["PORT", "--sandbox-port"])
def test_taken_port_is_said(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A port that is in use, or wanted twice, is named before anything starts."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken, free = str(other.getsockname()[1]), str(processes.free_port())
        monkeypatch.setenv("SHOPS_FILE", "")  # the demo shops stand in
        monkeypatch.setenv("PORT", taken if name == "PORT" else free)
        result = CliRunner().invoke(main, ["dev", "--sandbox-port", free])
    assert result.exit_code == 1
    assert f"Port {taken if name == 'PORT' else free} is in use" in result.output
    assert name in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dev", "--tunnel", "ssh"], "--tunnel-host"),
        (["dev", "--tunnel-url", "https://a.example"], "need --tunnel"),
        (["dev", "--tunnel", "ssh", "--tunnel-host", "-oProxyCommand=x"], "--tunnel-host: expected"),
        (["dev", "--tunnel", "cloudflared", "--tunnel-url", "https://a.example"], "of its own"),
        (["send-sample"], "--all"),
        (["send-sample", "--all", "shopify", "orders/create"], "leave TOPIC out"),
        (["send-sample", "--all", "--url", "http://127.0.0.1:9/"], "needs PLATFORM"),
        (["send-sample", "--all", "--shop", "nobody"], "No such shop"),
        (["send-sample", "--all", "--rate", "0"], "--rate"),
    ],
)
def test_what_makes_no_sense_is_said(monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str) -> None:
    """Options that do not go together are refused before anything starts, with what would."""
    monkeypatch.setenv("SHOPS_FILE", "shops.demo.toml")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (1, 2)
    assert said in result.output


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def hearing(inbox: Inbox, told: list[str], clock: Clock) -> LogReader:
    def opened(url: str, moved: bool) -> None:
        told.append(f"{url} {moved}")

    return LogReader(inbox, lambda line: told.append(click.unstyle(line)), opened, (4, 13), lambda: clock() / 1000)


def stored(number: int) -> str:
    return json.dumps(
        {"event": "webhook_stored", "status": "stored", "id": number, "shop": "acme", "topic": "orders/create", "ms": 3}
    )


def test_a_slow_one_is_told_before_it_is_settled(hearing: LogReader, told: list[str], clock: Clock) -> None:
    """What takes long has a line of its own, and another one at its end."""
    hearing.read_line(stored(7))
    hearing.write_slow()
    assert told == []
    clock.move(SLOW)
    hearing.write_slow()
    hearing.write_slow()
    assert [line[10:] for line in told] == ["#7      acme  orders/create  verified, stored in 3 ms -> not settled yet"]


def test_a_reason_is_told(hearing: LogReader, told: list[str], inbox: Inbox) -> None:
    """An ignored one says why."""
    number = inbox.store(arrival("a")).id
    settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile", detail="A guest's order.")
    hearing.read_line(stored(number))
    record = {
        "event": "delivery_settled",
        "id": number,
        "shop": "acme",
        "topic": "orders/create",
        "state": "ignored",
        "ms": 0,
    }
    hearing.read_line(json.dumps({**record, "attempt": 0}))
    assert [line.split("  ", 2)[2] for line in told] == [
        "    acme  orders/create  verified, stored in 3 ms -> ignored: No profile key (no_profile): A guest's order."
    ]


def test_a_row_that_cannot_be_read_is_told_all_the_same(hearing: LogReader, told: list[str]) -> None:
    """What the worker logged is enough for a line."""
    record = {"event": "delivery_settled", "id": 9, "shop": "acme", "topic": "orders/create", "state": "dead"}
    hearing.read_line(json.dumps({**record, "reason": "http_422", "attempt": 2, "ms": 5}))
    assert told[0].endswith("attempt 2 -> dead http_422")


def test_what_is_no_event_is_passed_on(hearing: LogReader, told: list[str]) -> None:
    """Warnings are shown in short, what is not ours as it is, and the rest is left out."""
    hearing.read_line(json.dumps({"event": "worker_started", "level": "info"}))
    hearing.read_line(json.dumps({"event": "store_unavailable", "level": "error", "error": "disk full"}))
    hearing.read_line(f"Traceback {ESCAPE}31m")
    hearing.read_line("[1]")
    assert [line[10:] for line in told[:1]] == ["!       store_unavailable error=disk full"]
    assert told[1:] == ["Traceback  [31m", "[1]"]


def test_an_address_is_told_when_it_is_new(hearing: LogReader, told: list[str]) -> None:
    """The same address again is one line; another one is to be pasted anew."""
    for url, same in (("https://a.example", False), ("https://a.example", True), ("https://b.example", False)):
        hearing.read_line(json.dumps({"event": "tunnel_opened", "level": "info", "url": url, "same": same}))
    assert told[0] == "https://a.example False"
    assert told[1].endswith("open again at https://a.example")
    assert told[2] == "https://b.example True"


def test_listening_ends_with_the_last_writer(hearing: LogReader, told: list[str]) -> None:
    """Lines come whole however they are cut, the last one too; one that is not as we know it silences nobody."""
    ear, mouth = os.pipe()
    for piece in (b"one\ntw", b"o\n\n", b'{"event": "webhook_stored"}', b"\nthree"):
        os.write(mouth, piece)
    os.close(mouth)
    hearing.read(ear)
    os.close(ear)
    assert told == ["one", "two", '{"event": "webhook_stored"}', "three"]
