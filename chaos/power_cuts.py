"""Cuts the power at many points of a recording, and lets a check examine what may be left on the disk."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import random
import shutil
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chaos import disk_image, orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from chaos.disk_log import DiskLog, Record
    from chaos.orders import Order

CHOSEN = 1 / 3  # share of the cuts that come right after an order was answered; without orders, at the beginning
BEGINNING = 30  # records, in which a file is created
PADDING = (0, 0, 500, 3_000, 9_000, 40_000)  # bytes
PAUSE = 0.02  # seconds between two orders of a sender, and two tries of one


class Orders:
    """Posts orders until each is acknowledged, and remembers over which port: the log names the port of an answer."""

    def __init__(self, senders: int = 4) -> None:
        """Nothing is sent before post()."""
        self.bodies: dict[str, str] = {}  # SHA-256 by identity
        self.ports: defaultdict[int, deque[str]] = defaultdict(deque)
        self.statuses: defaultdict[str, int] = defaultdict(int)
        self._senders = senders

    def post(self, port: int, numbers: Iterable[int]) -> None:
        """Post the orders of these numbers; returns when all are acknowledged."""
        rest, lock = iter(numbers), threading.Lock()
        threads = [threading.Thread(target=self._send, args=(port, rest, lock)) for _ in range(self._senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self, port: int, numbers: Iterator[int], lock: threading.Lock) -> None:
        chance, pause = random.Random(), threading.Event()  # noqa: S311 - no secret
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            order = orders.make(number, padding=chance.choice(PADDING))
            self.bodies[order.identity] = hashlib.sha256(order.body).hexdigest()
            while not self._is_acknowledged(port, order):
                pause.wait(PAUSE)
            pause.wait(PAUSE * chance.random())

    def _is_acknowledged(self, port: int, order: Order) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.connect()
            source: int = connection.sock.getsockname()[1]
            connection.request("POST", orders.PATH, order.body, order.headers)
            answer = connection.getresponse()
            if answer.status == http.client.OK:
                self.ports[source].append(order.identity)
                self.statuses[json.load(answer)["status"]] += 1
                return True
        return False


@dataclass(slots=True)
class Promises:
    """What the receiver has promised when the power fails: orders it acknowledged, deliveries it erased."""

    acknowledged: set[str] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)

    def follow(self, record: Record, ports: dict[int, deque[str]]) -> None:
        """Take over an event of the log; `ports` names the orders that were sent over each port."""
        if record.operation == "A" and ports.get(record.file):
            self.acknowledged.add(ports[record.file].popleft())
        elif record.operation == "K":
            self.acknowledged.add(bytes(record.data).decode())
        elif record.operation == "X":
            self.erased.add(int(bytes(record.data)))


class Check(Protocol):
    """Examines what is left in a folder; returns a sentence for each promise that is broken."""

    def __call__(self, folder: Path, promises: Promises) -> list[str]:
        """Return those sentences."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A log, and the ports that orders were sent over."""

    log: DiskLog
    ports: dict[int, deque[str]] = field(default_factory=dict)


def cut(recording: Recording, number: int, folder: Path, check: Check) -> list[str]:
    """Cut the power `number` times; return a sentence for each promise that was broken.

    `folder` is where the images are made.
    """
    chance = random.Random()  # noqa: S311 - no secret
    records = [*recording.log.records()]
    ports = {port: deque(names) for port, names in recording.ports.items()}
    disk, promises, faults = disk_image.Disk(recording.log.start), Promises(), list[str]()
    chosen = _chosen(records, number, chance)
    for at, record in enumerate(records):
        disk.follow(record)
        promises.follow(record, ports)
        for _ in range(chosen.count(at)):
            kind = chance.choice(disk_image.KINDS)
            disk.image(folder, kind, chance)
            faults += [f"{fault} (record {at}, left: {kind.__name__})" for fault in check(folder, promises)]
            shutil.rmtree(folder)
    missed = sum(map(len, ports.values()))
    return [*faults, *([f"The log lacks {missed} answers: the check does not see them"] if missed else [])]


def _chosen(records: Sequence[Record], number: int, chance: random.Random) -> list[int]:
    """Return the records after which the power fails."""
    answered = [at for at, record in enumerate(records) if record.operation in "AK"] or range(BEGINNING)
    after = [chance.choice(answered) + chance.randint(0, 2) for _ in range(int(number * CHOSEN))]
    return [min(at, len(records) - 1) for at in after] + [
        chance.randrange(len(records)) for _ in range(number - len(after))
    ]
