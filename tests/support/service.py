"""Web, worker and a local Tweakwise as processes, and a load of numbered orders on them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests

from tests.support import processes
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import SampleValues

if TYPE_CHECKING:
    import subprocess
SHOPIFY = all_platforms()["shopify"]
TOPIC = SHOPIFY.topics[0]


class Service:
    """What a merchant runs, with the demo shops, on free ports; one web process unless `variables` name a number."""

    def __init__(self, folder: Path, database_url: str, **variables: str) -> None:
        self.folder = folder
        self.port, self.sandbox_port = processes.free_port(), processes.free_port()
        self.url, self.sandbox = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.sandbox_port}"
        self.env = processes.environment(
            DATABASE_URL=database_url,
            SHOPS_FILE="shops.demo.toml",
            TWEAKWISE_URL=self.sandbox,
            PORT=str(self.port),
            LOG_FORMAT="json",
            **{"WEB_CONCURRENCY": "1", **variables},
        )
        self._stack = ExitStack()
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, *arguments: str, ready: str = "") -> subprocess.Popen[bytes]:
        """Start a command that is stopped in the end, and wait until `ready` answers with 200."""
        log = self.folder / f"{arguments[0]}.log"
        running = processes.running(*arguments, env=self.env, log=log, ready=ready)
        self._started[arguments[0]] = process = self._stack.enter_context(running)
        return process

    def started(self, name: str) -> subprocess.Popen[bytes]:
        """The process of a command."""
        return self._started[name]

    def stop(self, name: str) -> None:
        """Ask a command to stop, and wait until it has."""
        self._started[name].terminate()
        self._started[name].wait(processes.LONGEST)

    def kill(self, name: str) -> None:
        """Kill a command and every process below it."""
        process = self._started[name]
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        for pid in (process.pid, *map(int, children)):
            os.kill(pid, signal.SIGKILL)
        process.wait()

    def start_all(self) -> None:
        """Start sandbox, worker and web side by side, and wait until those that listen answer."""
        sandbox = self.start("sandbox", f"--port={self.sandbox_port}")
        self.start("worker")
        self.start("web", ready=f"{self.url}/healthz")
        processes.wait_until_ready(f"{self.sandbox}/healthz", sandbox, self.folder / "sandbox.log")

    def log(self, name: str) -> list[dict[str, Any]]:
        """What a process logged, as far as it is JSON."""
        lines: list[dict[str, Any]] = []
        for line in (self.folder / f"{name}.log").read_text().splitlines():
            with suppress(json.JSONDecodeError):
                lines.append(json.loads(line))
        return lines

    def logged(self, name: str, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log(name) if line["event"] == event]

    def post(self, number: int) -> requests.Response:
        """Post the order of that number, signed."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        sample = SampleValues(number, now, "tweakwise_profile_key", f"profile-{number}")
        body = json.dumps(TOPIC.sample(sample)).encode()
        headers = SHOPIFY.sign_sample(TOPIC.name, f"order-{number}", body, "demo-shopify-secret")
        return requests.post(
            f"{self.url}/webhooks/shopify/demo-shopify", data=body, headers=headers, timeout=processes.LONGEST
        )

    def purchases(self) -> Counter[str]:
        """The profile keys that Tweakwise got, one for each order."""
        events = requests.get(f"{self.sandbox}/events", timeout=processes.LONGEST).json()["events"]
        return Counter(event["body"]["ProfileKey"] for event in events)

    def wait_for(self, numbers: set[int], within: float = processes.LONGEST) -> Counter[str]:
        """Return what arrived at Tweakwise, once every one of these orders did."""
        wanted, deadline = {f"profile-{number}" for number in numbers}, time.monotonic() + within
        while wanted - set(self.purchases()) and time.monotonic() < deadline:
            time.sleep(0.2)
        missing = wanted - set(self.purchases())
        assert not missing, f"{len(missing)} of {len(wanted)} acknowledged orders are missing"
        return self.purchases()


class Load:
    """Orders posted one after the other by several threads, until the block ends; what is refused is not repeated."""

    def __init__(self, service: Service, first: int, threads: int = 4) -> None:
        self.statuses: list[tuple[int, int, str]] = []  # number of the order, HTTP status, status in words
        self._service, self._next, self._mutex = service, first, threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._post) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def acknowledged(self) -> set[int]:
        return {number for number, code, _ in self.statuses if code == 200}

    def seen(self, status: str, within: float = processes.LONGEST, after: int = 0) -> int:
        """Wait until an answer says `status`; returns how many answers came before that."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for place, (_, _, answered) in enumerate(self.statuses[after:], after):
                if answered == status:
                    return place
            time.sleep(0.02)
        raise AssertionError(f"no answer was {status}: {Counter(one for _, _, one in self.statuses[after:])}")

    def _post(self) -> None:
        while not self._ended.is_set():
            with self._mutex:
                number, self._next = self._next, self._next + 1
            answer = self._service.post(number)
            answered = answer.json().get("status") or answer.json()["error"]
            self.statuses.append((number, answer.status_code, answered))
            time.sleep(0.05)
