"""The inbox: store, claim, reserve, settle, release; every change of state follows TRANSITIONS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from webhook_app import green_threads
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import business_keys, queue, throttles
from webhook_app.inbox.engines import deadlines
from webhook_app.inbox.engines.factory import ignore_commits, open_database
from webhook_app.inbox.engines.group_commit import GroupCommit
from webhook_app.inbox.outage_log import OutageLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from webhook_app.config.settings import Settings
    from webhook_app.inbox.delivery import Delivery, NewDelivery, Queue, Settlement, StoreResult
    from webhook_app.throttling.state import Scope, ThrottleState
    from webhook_app.tweakwise.call import Call

    OnStored = Callable[[Sequence[NewDelivery], Sequence[StoreResult]], None]

T = TypeVar("T")


def ignore_stored(_arrivals: Sequence[NewDelivery], _results: Sequence[StoreResult]) -> None:
    """Do nothing with what was stored."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What a worker decides by before it claims; `now` is the database's time in milliseconds since 1970 UTC."""

    now: int
    throttles: Mapping[Scope, ThrottleState]
    queues: Sequence[Queue]


class Inbox:
    """The inbox as one process uses it. Methods may be called from any thread and raise StoreUnavailableError."""

    def __init__(  # noqa: PLR0913 - what it opens, and what counts it
        self,
        url: str,
        lease: float = 60.0,
        clock: Callable[[], int] | None = None,
        *,
        pooled: bool = False,
        on_commit: Callable[[float], None] = ignore_commits,
        on_stored: OnStored = ignore_stored,
    ) -> None:
        """Open the inbox at `url`; `lease` is in seconds, `clock` replaces the database's own.

        `pooled`: a connection pooler in transaction mode is in front of PostgreSQL. `on_commit` is called with the
        seconds that each durable commit took, `on_stored` with arrivals and their results after their commit.
        """
        self.database = open_database(url, pooled=pooled, on_commit=on_commit, clock=clock)
        self.clock = self.database.clock
        self.wakeups = self.database.wakeups()
        self.lease, self.outages, self.on_stored = lease, OutageLog(), on_stored
        self._storing: GroupCommit[NewDelivery, StoreResult] = GroupCommit(
            self.store_all, green_threads.wait_until_idle, self.wakeups.notify, deadlines.for_webhook, on_stored
        )
        self._settling: GroupCommit[Sequence[Settlement], list[bool]] = GroupCommit(self._settle_all)

    @classmethod
    def configured(
        cls,
        config: Settings,
        on_commit: Callable[[float], None] = ignore_commits,
        on_stored: OnStored = ignore_stored,
    ) -> Inbox:
        """Open the inbox of the settings."""
        pooled = config.database_pooler == "transaction"
        return cls(config.database_url, config.lease, pooled=pooled, on_commit=on_commit, on_stored=on_stored)

    def close(self) -> None:
        """Close every connection and file."""
        self.wakeups.close()
        self.database.close()

    def store(self, arrival: NewDelivery) -> StoreResult:
        """Store `arrival` once; returns after the commit is on disk."""
        return self._storing.submit(arrival)

    def store_all(self, arrivals: Sequence[NewDelivery]) -> list[StoreResult]:
        """Store a group of arrivals once each, in their order; returns after the commit is on disk.

        The caller notifies the workers.
        """
        try:
            return self._store_group(arrivals)
        except StoreUnavailableError as error:
            if not error.transient:
                raise
            # A restarted server leaves broken connections behind; and two processes that store the same deliveries
            # may deadlock, which one delivery at a time cannot. Storing one again changes nothing.
            return [one for arrival in arrivals for one in self._store_group([arrival])]

    def poll(self) -> Poll:
        """Return throttles(), queues() and the time, in one transaction."""
        with self.database.read(hot=True) as connection:
            now = self.database.now(connection)
            return Poll(now, throttles.read_all(connection, now), queue.queues(connection))

    def queues(self) -> list[Queue]:
        """Return the unfinished deliveries of each shop; the cost does not grow with their number."""
        with self.database.read(hot=True) as connection:
            return queue.queues(connection)

    def claim(self, shares: Mapping[str, int], abandoned_before: int | None = None) -> list[Delivery]:
        """Lease up to so many due deliveries of each shop, those due longest first.

        Of those that are leased, only those whose lease expired before `abandoned_before` as well; None: now.
        """
        with self.database.write(durable=False, hot=True) as connection:
            now = self.database.now(connection)
            until = now + int(self.lease * 1000)
            return queue.claim(connection, shares, now, until, now if abandoned_before is None else abandoned_before)

    def reserve(self, calls: Sequence[tuple[Delivery, Call]]) -> dict[int, int]:
        """Take each call's business key for its delivery; returns which delivery owns it, by delivery."""
        if not calls:
            return {}
        with self.database.write(durable=False, hot=True) as connection:
            return business_keys.reserve(connection, calls)

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Store the outcomes of deliveries; False for one whose lease expired and went to another worker."""
        return self._settling.submit(settlements)

    def release(self, claimed: Sequence[Delivery]) -> None:
        """Give back deliveries that were claimed and not sent."""
        with self.database.write(hot=True) as connection:
            queue.release(connection, claimed)
        self.wakeups.notify()

    def throttles(self) -> dict[Scope, ThrottleState]:
        """Return the throttles that are not in their initial state, by scope."""
        with self.database.read(hot=True) as connection:
            return throttles.read_all(connection, self.clock())

    def update_throttle(self, scope: Scope, decide: Callable[[ThrottleState], tuple[ThrottleState, T]]) -> T:
        """Let `decide` change a throttle under a lock; returns the second of the values that it returns."""
        return throttles.change(self.database, scope, decide)

    def _store_group(self, arrivals: Sequence[NewDelivery]) -> list[StoreResult]:
        with self.database.write(hot=True, one_statement=True) as connection:
            return queue.store(connection, arrivals, self.clock())

    def _settle_all(self, groups: Sequence[Sequence[Settlement]]) -> list[list[bool]]:
        with self.database.write(hot=True) as connection:
            now = self.database.now(connection)
            return [queue.settle(connection, group, now) for group in groups]
