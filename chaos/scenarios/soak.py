"""Everything at once, for a quarter of an hour: orders, visitors, readers, forgers, commands, failures, restarts."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

from chaos import clients, processes
from chaos.clients import Client
from chaos.context import settled

if TYPE_CHECKING:
    from chaos.context import Context
    from chaos.system import System
    from chaos.tweakwise import Tweakwise

SECONDS, POSTGRES_SECONDS, SHORT_SECONDS = 900.0, 120.0, 1.0
EVERY, SHORT_EVERY = 20.0, 0.7  # seconds between two things that happen to the receiver
FAILURES = ("500", "reset", "garbage")
FAILS_FOR = 1.0  # seconds
COMMANDS = (("status",), ("list",), ("export",))
WITHIN = 10.0  # seconds for an answer; in the short form several scenarios share the machine
WARM = 1 / 3  # share of the time after which a process needs no more memory
ROOM = 4 * 1024  # KiB by which it may grow from then on
# Every view is that of a new visitor, and all come from one address.
SETTINGS = {
    "WEB_CONCURRENCY": "2",
    "DASHBOARD_PASSWORD": clients.PASSWORD,
    "VISITOR_RATE": "100000",
    "SHOP_RATE": "100000",
}
ANSWERS = {"shop": {"200"}, "visitor": {"200"}, "forger": {"401"}, "reader": {"200"}}


def run(context: Context) -> None:
    """Every request is answered within ten seconds, every event counts exactly once, and the memory stays flat."""
    _soak(context, "", SHORT_SECONDS if context.short else SECONDS)
    if not context.short:
        context.postgres()
        _soak(context, " (PostgreSQL)", POSTGRES_SECONDS)


def _soak(context: Context, engine: str, seconds: float) -> None:
    tweakwise = context.tweakwise()
    tweakwise.delay = 0.01
    system = context.system(tweakwise.url, None, KEEP_BODIES="10s", **SETTINGS)
    receiver = _Receiver(context, system, tweakwise)
    with contextlib.ExitStack() as stack:
        askers = [stack.enter_context(client) for client in _clients(system.url)]
        growth = receiver.disturb(seconds)
    context.figures |= {
        f"seconds{engine}": round(seconds),
        f"requests{engine}": sum(client.answers.total() for client in askers),
        f"slowest answer{engine} (s)": round(max(client.slowest for client in askers), 2),
        f"happened{engine}": receiver.done,
        f"growth of the worker{engine} (KiB)": growth,
    }
    # In the short form the worker is not warm yet.
    context.expect(context.short or growth < ROOM, f"The worker grew by {growth} KiB.")
    for client in askers:
        _check_answers(context, client)
    _check_counted(context, engine, system, tweakwise, set().union(*(client.acknowledged for client in askers)))
    system.stop()


def _clients(url: str) -> list[Client]:
    shops = [Client("shop", clients.shop(url), 0.1) for _ in range(2)]
    visitors = [Client("visitor", clients.visitor(url), 0.1)]
    return [*shops, *visitors, Client("forger", clients.forger(url), 0.3), Client("reader", clients.reader(url), 1.0)]


class _Receiver:
    """A web server, a worker that stays, another one that is restarted, and what is done to them."""

    def __init__(self, context: Context, system: System, tweakwise: Tweakwise) -> None:
        self.done: Counter[str] = Counter()
        self._context, self._system, self._tweakwise = context, system, tweakwise
        self._web, self._steady, self._other = system.start_web(), system.start_worker(), system.start_worker()
        self._commands, self._failures = itertools.cycle(COMMANDS), itertools.cycle(FAILURES)

    def disturb(self, seconds: float) -> int:
        """Let one thing after the other happen for so long; return the KiB that the worker grew once it was warm."""
        began, warm = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            if not warm and passed >= seconds * WARM:
                warm = processes.allocated(self._steady.pid)
            for happens in (self._replace, self._fail, self._ask, self._restart):
                time.sleep(SHORT_EVERY if self._context.short else EVERY)
                happens()
        self._context.expect_alive(self._system, web=self._web, worker=self._steady)
        return processes.allocated(self._steady.pid) - warm if warm else 0

    def _replace(self) -> None:
        """Stop one of the server's processes; the server starts another one."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(processes.children(self._web.pid)[0], signal.SIGTERM)
        self.done["web process replaced"] += 1

    def _fail(self) -> None:
        self._tweakwise.failure = next(self._failures)
        time.sleep(FAILS_FOR)
        self._tweakwise.failure = ""
        self.done["failure of Tweakwise"] += 1

    def _ask(self) -> None:
        command = next(self._commands)
        code = self._system.command(*command)
        self._context.expect(code == 0, f"`{command[0]}` ended with exit code {code}.")
        self.done["command"] += 1

    def _restart(self) -> None:
        self._other.terminate()
        code = self._other.wait(30)
        self._context.expect(code == 0, f"The worker ended with exit code {code} on SIGTERM.")
        self._other = self._system.start_worker()
        self.done["worker restarted"] += 1


def _check_answers(context: Context, client: Client) -> None:
    odd = {answer: count for answer, count in client.answers.items() if answer not in ANSWERS[client.name]}
    context.expect(client.answers, f"The {client.name} asked nothing.")
    context.expect(not odd, f"Answers to the {client.name}: {odd}")
    context.expect(context.short or client.slowest < WITHIN, f"The {client.name} waited {client.slowest:.1f} s.")


def _check_counted(context: Context, engine: str, system: System, tweakwise: Tweakwise, acknowledged: set[str]) -> None:
    unfinished = Counter(row.state for row in settled(system) if row.state != "delivered")
    context.expect(not unfinished, f"Not delivered: {dict(unfinished)}")
    lost = acknowledged - set(tweakwise.counted)
    context.expect(not lost, f"{len(lost)} acknowledged events were never counted: {sorted(lost)[:3]}")
    twice = [name for name, times in tweakwise.counted.items() if times > 1]
    logged = Counter(re.findall(r'"event": "(\w+)"', system.logged()))
    context.expect(not twice, f"{len(twice)} events were counted twice: {sorted(twice)[:3]}; logged: {dict(logged)}")
    counted = {"acknowledged": len(acknowledged), "lost": len(lost), "counted twice": len(twice)}
    context.figures |= {f"{name}{engine}": count for name, count in counted.items()}
