"""What every scenario gets, what it reports, and the checks that hold after each of them."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import select

from chaos import orders, postgres, traffic
from chaos import tweakwise as tweakwise_server
from chaos.system import ROOT, System
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Selection, State
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.tables import attempts
from webhook_app.time_units import SECOND
from webhook_app.tweakwise.client import TIMEOUT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from webhook_app.inbox import Row

FINAL = frozenset({"delivered", "ignored", "dead"})
SETTLE_WITHIN = 90.0  # seconds; leases of 15 seconds run out meanwhile, and retries come round
EVERY_ROW = 10_000_000
SHORT_PAUSE = 0.05  # seconds between two orders of a sender; many short forms share a machine
SIDE_BY_SIDE = 2  # receivers; what takes their time is starting, and each start takes one core


@dataclass
class Context:
    """One scenario's folder, size and findings; `faults` are sentences, and none means that it passed."""

    folder: Path
    rounds: int
    short: bool
    database_url: str = ""
    server: postgres.Server | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def side_by_side(self, play: Callable[[Context], None]) -> None:
        """Divide the rounds among as many stages as there should be receivers at a time, and add up what they find."""
        self._play(play, [self._track(f"track-{number}") for number in range(SIDE_BY_SIDE)])

    def on_both_engines(self, play: Callable[[Context], None]) -> None:
        """Play it with an inbox in SQLite and beside it with one in PostgreSQL, and add up what they find."""
        tracks = [self._track("sqlite"), self._track("postgresql")]
        tracks[1].postgres()
        self._play(play, tracks)

    def _play(self, play: Callable[[Context], None], tracks: list[Context]) -> None:
        with ThreadPoolExecutor(len(tracks)) as threads:
            list(threads.map(play, tracks))
        for track in tracks:
            self.faults += track.faults
            for name, figure in track.figures.items():
                self.figures[name] = self.figures[name] + figure if name in self.figures else figure

    def _track(self, name: str) -> Context:
        folder = self.folder / name
        folder.mkdir()
        return self._stack.enter_context(Context(folder, max(self.rounds // SIDE_BY_SIDE, 1), self.short))

    def pause(self, seconds: float = 0.0) -> float:
        """Return the seconds between two orders of a sender: at least SHORT_PAUSE in the short form."""
        return max(seconds, SHORT_PAUSE) if self.short else seconds

    def tweakwise(self) -> tweakwise_server.Tweakwise:
        """Start a Tweakwise that lasts until the scenario ends."""
        return self._stack.enter_context(tweakwise_server.serving())

    def postgres(self) -> postgres.Server:
        """Start a PostgreSQL that lasts until the scenario ends, and make it the inbox of every system from now on."""
        server = self._stack.enter_context(postgres.serving(self.folder))
        self.server, self.database_url = server, server.address
        return server

    def system(
        self, tweakwise_url: str, folder: Path | None = None, *, code: str = str(ROOT), **variables: str
    ) -> System:
        """Make a receiver whose processes are stopped when the scenario ends; its database is migrated.

        `code` is the folder of another version of its code. In the short form it has one web process, unless the
        scenario names a number.
        """
        if self.short:
            variables = {"WEB_CONCURRENCY": "1", **variables}
        system = System(folder or self.folder, tweakwise_url, self.database_url, **variables)
        system.code = code
        self._stack.callback(system.stop)
        system.migrate()
        return system

    def expect(self, holds: object, sentence: str) -> None:
        """Note a fault unless it holds."""
        if not holds:
            self.faults.append(sentence)

    def expect_alive(self, system: System, **processes: subprocess.Popen[bytes]) -> None:
        """Note a fault for each of the processes that ended by itself, with the end of what it wrote."""
        for name, process in processes.items():
            log = system.log(name)
            end = log.read_text()[-1500:] if log.exists() else "(no log)"
            self.expect(process.poll() is None, f"The {name} ended ({process.returncode}): {end}")

    def sum_up(
        self, system: System, shop: traffic.Traffic, there: tweakwise_server.Tweakwise, in_flight: Iterable[str] = ()
    ) -> None:
        """Check what must hold after every scenario, and note its figures.

        Every acknowledged order is stored and was counted; none twice but those `in_flight` at a kill; nothing waits.
        Where Tweakwise never fails on purpose, a call that took too long was held up by the machine: its order may be
        counted twice too, and is noted apart.
        """
        rows = settled(system)
        stored = {orders.name_of(row.identity): row for row in rows}
        self.figures |= {"acknowledged": len(shop.acknowledged), "refused tries": shop.refusals}
        self._check_stored(shop, stored)
        late = _timed_out(system)
        timed_out = {orders.name_of(row.identity) for row in rows if row.id in late}
        self._check_counted(stored, there.counted, set(in_flight), set() if there.failed.total() else timed_out)
        self.expect(shop.acknowledged, "No order was acknowledged at all: this scenario tested nothing.")

    def _check_stored(self, shop: traffic.Traffic, stored: dict[str, Row]) -> None:
        lost = set(shop.acknowledged) - set(stored)
        self.figures["lost"] = len(lost)
        self.expect(not lost, f"{len(lost)} acknowledged orders are not in the store: {sorted(lost)[:3]}")
        strange = set(stored) - set(shop.acknowledged) - shop.given_up
        self.expect(not strange, f"{len(strange)} rows are stored that no shop sent: {sorted(strange)[:3]}")
        stuck = Counter(row.state for row in stored.values() if row.state not in FINAL)
        self.figures["stuck"] = stuck.total()
        self.expect(not stuck, f"Unfinished after {SETTLE_WITHIN:.0f} s: {dict(stuck)}")

    def _check_counted(
        self, stored: dict[str, Row], counted: Counter[str], in_flight: set[str], timed_out: set[str]
    ) -> None:
        odd = [row for row in stored.values() if row.state in FINAL and row.state != "delivered"]
        self.expect(not odd, f"{len(odd)} orders were not delivered: {[(row.state, row.reason) for row in odd[:3]]}")
        missing = {name for name, row in stored.items() if row.state == "delivered" and not counted[name]}
        self.expect(not missing, f"{len(missing)} delivered orders never reached Tweakwise")
        twice = {name for name, times in counted.items() if times > 1}
        self.figures["counted twice"] = len(twice)
        if held_up := (twice & timed_out) - in_flight:
            self.figures["counted twice after a time-out"] = len(held_up)
        beyond = twice - in_flight - timed_out
        self.expect(not beyond, f"{len(beyond)} orders were counted twice and not in flight at a kill")
        unknown = set(counted) - set(stored)
        self.expect(not unknown, f"{len(unknown)} orders were counted that are not in the store")


def settled(system: System, within: float = SETTLE_WITHIN) -> list[Row]:
    """Wait until nothing is unfinished, at most so many seconds; return all rows as they stand then."""
    deadline = time.monotonic() + within
    with system.inbox() as inbox:
        while time.monotonic() < deadline:
            try:
                if not set(stored_deliveries.counts(inbox)) - FINAL:
                    break
            except StoreUnavailableError:
                pass
            time.sleep(0.2)
        return stored_deliveries.newest(inbox, EVERY_ROW)


def _timed_out(system: System) -> set[int]:
    """Return the numbers of the deliveries of which a call had no answer within its time."""
    waited = (attempts.c.failure == "timeout") & (attempts.c.took >= TIMEOUT * SECOND)
    with system.inbox() as inbox, inbox.database.read() as connection:
        return set(connection.execute(select(attempts.c.delivery_id).where(waited)).scalars())


def in_flight(system: System) -> set[str]:
    """Return the orders that a worker which is no more may have sent without writing it down."""
    with system.inbox() as inbox:
        return {
            orders.name_of(row.identity)
            for row in stored_deliveries.newest(inbox, EVERY_ROW, Selection(states=(State.DELIVERING,)))
        }
