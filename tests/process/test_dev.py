"""`dev`: everything for testing in one terminal, behind a real ssh tunnel; and `send-sample` with many samples."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.support import local_stack, processes, pseudo_terminal
from tests.support.pseudo_terminal import ESCAPE
from tests.support.sshd import Sshd, needed
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.support.local_stack import LocalStack

OUTSIDE = re.compile(r"Reachable from outside at (http://127\.0\.0\.1:\d+)")


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
    """An SSH server to tunnel to."""
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
def test_it_prints_what_to_paste(dev: Dev) -> None:
    """For each shop the URL from outside, and the topics to subscribe to."""
    outside = dev.prints(OUTSIDE.pattern)
    text = dev.output
    assert f"{outside}/webhooks/shopify/demo-shopify" in text
    assert f"{outside}/webhooks/woocommerce/demo-woocommerce" in text
    assert "orders/create, orders/paid, orders/updated" in text
    assert text.index("Ready.") < text.index("Reachable from outside")
    assert "set DASHBOARD_PASSWORD" in text


@needed
def test_a_webhook_arrives_through_the_tunnel(dev: Dev) -> None:
    """One line shows the whole way of an event, and the sandbox has it."""
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
    # The tunnel's address is one of this machine here, so that nothing but the open tunnel shows who asks.
    outside = dev.prints(OUTSIDE.pattern)
    assert requests.get(f"{outside}/dashboard", allow_redirects=False, timeout=10).status_code == 303


@needed
def test_a_refused_request_has_its_reason(dev: Dev) -> None:
    """A wrong secret, an unknown shop and a browser: each has a line with the reason."""
    url = f"{dev.prints(OUTSIDE.pattern)}/webhooks/shopify"
    wrong = dev.sample("shopify", "orders/create", "--url", f"{url}/demo-shopify", "--secret", "another")
    assert wrong.returncode == 1
    requests.post(f"{url}/nowhere", data="{}", timeout=10)
    requests.get(f"{url}/demo-shopify", timeout=10)
    assert "demo-shopify  signature_mismatch: " in dev.line(" 401 ")
    assert "unknown_shop: " in dev.line(" 404 ")
    assert "method_not_allowed: " in dev.line(" 405 ")


@needed
def test_a_failed_call_has_its_reason(dev: Dev) -> None:
    """A waiting delivery has a line with the reason and the time of the next attempt."""
    trouble = f"http://127.0.0.1:{dev.stack.sandbox_port}/trouble"
    requests.post(trouble, json={"status": 503}, timeout=10)
    dev.sample("woocommerce", "order.created")
    line = dev.line("waiting in")
    assert "waiting in" in line
    assert "Tweakwise answered 503 (http_503); attempt 1 failed, next attempt in" in line
    requests.delete(trouble, timeout=10)


@needed
def test_samples_of_every_topic_at_a_rate(dev: Dev) -> None:
    """--all sends each topic of each shop, --repeat so often, --rate no faster; the responses are summarised."""
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
    """If a sample is not accepted the exit code is 1, and the summary has the reason."""
    sent = dev.sample("shopify", "orders/paid", "--repeat", "3", "--secret", "another")
    assert sent.returncode == 1
    assert re.search(r"3 +401 signature_mismatch$", sent.stdout, re.MULTILINE)
    assert "0 accepted, 3 not." in sent.stdout


@needed
def test_a_broken_tunnel_is_opened_again(dev: Dev) -> None:
    """After ssh is killed the new address is printed, and webhooks arrive again."""
    (ssh,) = [pid for pid in dev.stack.children() if b"\0-R\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(ssh, signal.SIGKILL)
    dev.prints("tunnel  lost: ")
    moved = dev.prints(f"{OUTSIDE.pattern} now: the earlier address")
    url = f"{moved}/webhooks/woocommerce/demo-woocommerce"
    sent = dev.sample("woocommerce", "order.created", "--url", url, "--secret", "demowoocommercesecret")
    assert sent.returncode == 0, sent.stdout + sent.stderr


@needed
def test_a_file_has_no_colours(dev: Dev) -> None:
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
    """Ctrl-C stops everything with exit code 0. A narrow terminal wraps between words; NO_COLOR is honoured."""
    port, sandbox_port = processes.free_port(), processes.free_port()
    folder = str(tmp_path)
    env = processes.environment(PORT=str(port), SANDBOX_FOLDER=folder, SHOPS_FILE="shops.demo.toml", NO_COLOR="1")
    with pseudo_terminal.running("dev", f"--sandbox-port={sandbox_port}", env=env, columns=64) as terminal:
        terminal.read_until(local_stack.READY)
        before = len(terminal.text)
        assert processes.command("send-sample", "shopify", "orders/create", env=env).returncode == 0
        lines = terminal.read_until("(2xx)")[before:].splitlines()
        children = processes.below(terminal.process.pid)
        terminal.press(b"\x03")
        assert terminal.process.wait(processes.LONGEST) == 0
    assert processes.gone(children)
    assert ESCAPE not in terminal.text
    assert max(map(len, lines)) <= 64
    assert " -> delivered (2xx)" in " ".join(" ".join(lines).split())
