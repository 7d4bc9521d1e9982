"""The inbox: keep, claim, reserve, settle, release; every change of state goes along TRANSITIONS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, select, update

from webhook_app import green_threads
from webhook_app.errors import StoreUnavailableError, UnknownDeliveryError
from webhook_app.inbox import queue, records, throttles
from webhook_app.inbox.delivery import Delivery, NewDelivery, Queue, Row, Settlement, StoreResult
from webhook_app.inbox.engines.factory import open_database
from webhook_app.inbox.engines.group_commit import GroupCommit
from webhook_app.inbox.engines.statements import Statement
from webhook_app.inbox.selection import ALL_DELIVERIES, COLUMNS, Selection, stored_content
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries
from webhook_app.instrumentation import NullMeter
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Select

    from webhook_app.config.settings import Settings
    from webhook_app.inbox.engines.statements import Work
    from webhook_app.instrumentation import Meter
    from webhook_app.throttling.state import Scope, ThrottleState
    from webhook_app.tweakwise.call import Call

T = TypeVar("T")


def _queues(_insert: Any) -> Any:
    """Hop from one shop to the next in the index of what is unfinished, instead of reading all of it."""
    unfinished = deliveries.c.due_at.is_not(None)
    first = select(func.min(deliveries.c.shop).label("shop")).where(unfinished)
    found = first.cte("found", recursive=True)
    later = select(func.min(deliveries.c.shop)).where(unfinished, deliveries.c.shop > found.c.shop).scalar_subquery()
    found = found.union_all(select(later).where(found.c.shop.is_not(None)))
    due = select(func.min(deliveries.c.due_at)).where(unfinished, deliveries.c.shop == found.c.shop).scalar_subquery()
    return select(found.c.shop, due.label("due_at")).where(found.c.shop.is_not(None))


def _queued(work: Work) -> list[Queue]:
    return [Queue(shop, due_at) for shop, due_at in QUEUES.run(work, {})]


QUEUES = Statement(_queues)
REPLAYED = {**queue.ANEW, "first_attempt_at": None, "settled_at": None, "held_since": None, "took": None}


class Inbox:
    """The store of one process. Its methods may be called from any thread and raise StoreUnavailableError."""

    def __init__(
        self,
        url: str,
        lease: float = 60.0,
        clock: Callable[[], int] = now_ms,
        *,
        pooled: bool = False,
        meter: Meter | None = None,
    ) -> None:
        """Open the inbox at `url`; `lease` is in seconds, `clock` tells milliseconds since 1970 UTC.

        `pooled` says that a connection pooler in transaction mode stands in front of PostgreSQL.
        """
        self.database = open_database(url, pooled=pooled, on_commit=(meter or NullMeter()).committed)
        self.clock = clock
        self.wakeups = self.database.wakeups()
        self._lease = int(lease * 1000)
        self._keeping: GroupCommit[NewDelivery, StoreResult] = GroupCommit(
            self.store_all, green_threads.wait_until_idle, self.wakeups.notify
        )
        self._settling: GroupCommit[Sequence[Settlement], list[bool]] = GroupCommit(self._settle_all)

    @classmethod
    def configured(cls, config: Settings, meter: Meter | None = None) -> Inbox:
        """Open the inbox that the settings name; `meter` records how long commits take."""
        return cls(config.database_url, config.lease, pooled=config.database_pooler == "transaction", meter=meter)

    def close(self) -> None:
        """Let go of every connection and file."""
        self.wakeups.close()
        self.database.close()

    def store(self, arrival: NewDelivery) -> StoreResult:
        """Store `arrival` once; returns after the commit is on disk."""
        return self._keeping.submit(arrival)

    def store_all(self, arrivals: Sequence[NewDelivery]) -> list[StoreResult]:
        """Store a group of arrivals once each, in their order; returns after the commit is on disk.

        Whoever calls it rings the bell.
        """
        try:
            return self._kept(arrivals)
        except StoreUnavailableError as error:
            if not error.transient:
                raise
            # A server that was restarted leaves broken connections behind; and two processes that keep the same
            # deliveries may wait for each other, which one at a time cannot. Keeping twice is keeping once.
            return [one for arrival in arrivals for one in self._kept([arrival])]

    def throttles_and_queues(self) -> tuple[dict[Scope, ThrottleState], list[Queue]]:
        """Return throttles() and queues() at the price of one of them."""
        with self.database.looking() as work:
            return throttles.read_all(work), _queued(work)

    def queues(self) -> list[Queue]:
        """Return what each shop has unfinished; costs the same however much that is."""
        with self.database.looking() as work:
            return _queued(work)

    def claim(self, shares: Mapping[str, int]) -> list[Delivery]:
        """Lease up to so many deliveries of each shop, those due longest first."""
        now = self.clock()
        with self.database.working(durable=False) as work:
            return queue.claim(work, shares, now, until=now + self._lease)

    def reserve(self, calls: Sequence[tuple[Delivery, Call]]) -> dict[int, int]:
        """Take each call's business key for its delivery; returns which delivery owns it, by delivery."""
        if not calls:
            return {}
        with self.database.working(durable=False) as work:
            return queue.reserve(work, calls)

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Write down what became of deliveries; False for one whose lease had run out and went to another worker."""
        return self._settling.submit(settlements)

    def release(self, claimed: Sequence[Delivery]) -> None:
        """Give back deliveries that nothing was done about."""
        with self.database.working() as work:
            queue.release(work, claimed)
        self.wakeups.notify()

    def throttles(self) -> dict[Scope, ThrottleState]:
        """Return breaker and pace of those shops and Tweakwises that are in trouble or limited."""
        with self.database.looking() as work:
            return throttles.read_all(work)

    def update_throttle(self, scope: Scope, decide: Callable[[ThrottleState], tuple[ThrottleState, T]]) -> T:
        """Let `decide` change a lane while no other worker does; returns what it says besides."""
        return throttles.change(self.database, scope, decide)

    def recall_leases(self) -> int:
        """End leases that last longer than any can, since the clock was put back; returns how many."""
        now = self.clock()
        too_long = (deliveries.c.state == State.DELIVERING) & (deliveries.c.due_at > now + self._lease)
        with self.database.writing() as connection:
            return connection.execute(update(deliveries).where(too_long).values(due_at=now)).rowcount

    def get(self, number: int) -> Row:
        """Return one delivery. Raises UnknownDeliveryError."""
        found = self._rows(select(*COLUMNS).where(deliveries.c.id == number))
        if not found:
            raise UnknownDeliveryError(str(number))
        return found[0]

    def newest(self, limit: int, selection: Selection = ALL_DELIVERIES) -> list[Row]:
        """Return the newest deliveries of those that are meant, newest first."""
        query = select(*COLUMNS).where(*selection.conditions())
        return self._rows(query.order_by(deliveries.c.id.desc()).limit(limit))

    def counts(self) -> dict[str, int]:
        """Count the deliveries by state."""
        query = select(deliveries.c.state, func.count().label("number")).group_by(deliveries.c.state)
        with self.database.reading() as connection:
            return {row.state: row.number for row in connection.execute(query)}

    def body(self, number: int) -> tuple[dict[str, str], bytes] | None:
        """Return the kept headers and the raw body, None once they are wiped."""
        return stored_content(self, [number]).get(number)

    def _rows(self, query: Select[Any]) -> list[Row]:
        with self.database.reading() as connection:
            return records.read(connection, Row, query)

    def _kept(self, arrivals: Sequence[NewDelivery]) -> list[StoreResult]:
        now = self.clock()
        with self.database.storing() as work:
            return queue.store(work, arrivals, now)

    def _settle_all(self, groups: Sequence[Sequence[Settlement]]) -> list[list[bool]]:
        now = self.clock()
        with self.database.working() as work:
            return [queue.settle(work, group, now) for group in groups]
