"""SIGKILL of web processes and workers while Prometheus's page is read."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
import urllib.request
from collections import Counter
from http.client import HTTPException
from typing import TYPE_CHECKING, Self

from prometheus_client.parser import text_string_to_metric_families

from chaos import processes
from chaos.context import in_flight, settled
from chaos.system import kill_group
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from chaos.context import Context

TOKEN = "a-token-of-this-scenario"  # noqa: S105 - of a receiver that ends with the scenario
EVERY = 0.2  # seconds
SENDERS = 3
MOST_SETTLED = 16  # deliveries whose outcomes one worker commits together, at this traffic
COUNTERS = ("webhooks_accepted_total", "webhooks_settled_total", "webhooks_calls_total")


class Reader:
    """Reads the page every moment; `falls` are the counters that were lower than the time before."""

    def __init__(self, url: str) -> None:
        self.falls: set[str] = set()
        self.reads = 0
        self._url, self._latest, self._stopping = f"{url}/metrics", Counter[tuple[str, ...]](), threading.Event()
        self._thread = threading.Thread(target=self._read_over_and_over, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def read(self) -> None:
        """Read the page once, and compare it with the one before."""
        request = urllib.request.Request(self._url, headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the same
            page = response.read().decode()
        now = Counter[tuple[str, ...]]()
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if sample.name in COUNTERS:
                    now[sample.name, *map(str, sample.labels.values())] = int(sample.value)
        self.falls |= {" ".join(name) for name, value in self._latest.items() if now[name] < value}
        self._latest, self.reads = now, self.reads + 1

    def total(self, name: str, label: str) -> int:
        """Return the sum of the series of a counter that have this value of a label."""
        return sum(value for labels, value in self._latest.items() if labels[0] == name and label in labels[1:])

    def _read_over_and_over(self) -> None:
        while not self._stopping.wait(EVERY):
            with contextlib.suppress(OSError, HTTPException):
                self.read()


def run(context: Context) -> None:
    """No counter falls, and at the end each is what the store and Tweakwise have, but for what a kill interrupts."""
    if context.short:
        _kill_over_and_over(context)
    else:
        context.on_both_engines(_kill_over_and_over)


def _kill_over_and_over(context: Context) -> None:
    tweakwise = context.tweakwise()
    folder = str(context.folder / "shared")
    system = context.system(tweakwise.url, METRICS_TOKEN=TOKEN, PROMETHEUS_MULTIPROC_DIR=folder, WEB_CONCURRENCY="2")
    web, worker = system.start_web(), system.start_worker()
    caught: set[str] = set()
    kills = Counter[str]()
    with Reader(system.url) as reader, Traffic(system.port, senders=SENDERS, pause=context.pause(0.02)) as shop:
        for number in range(context.rounds):
            time.sleep(random.uniform(0.2, 0.8))  # noqa: S311 - no secret
            if number % 2:
                kill_group(worker)
                caught |= in_flight(system)
                worker = system.start_worker()
                kills["worker"] += 1
            else:
                os.kill(processes.children(web.pid)[0], signal.SIGKILL)
                kills["web"] += 1
    rows = settled(system)
    processes.wait_for(lambda: _reads(reader), 30)
    context.sum_up(system, shop, tweakwise, caught)
    missed = len(rows) - reader.total("webhooks_accepted_total", "stored")
    unsent = sum(row.state == "delivered" for row in rows) - reader.total("webhooks_settled_total", "delivered")
    context.figures |= {"kills": context.rounds, "scrapes": reader.reads, "falls": len(reader.falls)}
    context.figures |= {"arrivals not counted": missed, "outcomes not counted": unsent}
    context.expect(not reader.falls, f"Counters fell: {sorted(reader.falls)[:3]}")
    context.expect(0 <= missed <= SENDERS * kills["web"], f"{missed} arrivals are not counted")
    context.expect(0 <= unsent <= MOST_SETTLED * kills["worker"], f"{unsent} outcomes are not counted")


def _reads(reader: Reader) -> bool:
    with contextlib.suppress(OSError, HTTPException):
        reader.read()
        return True
    return False
