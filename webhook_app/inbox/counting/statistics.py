"""Counts of deliveries by shop, topic, state, reason and hour, without reading all rows each time.

Deliveries are counted in blocks of consecutive numbers when a page asks. A block without unfinished deliveries, into
which no new delivery can fall, is final; whatever changes a settled row later (`replay`, `discard`, `redact`,
retention) calls invalidate() in its transaction. So storing and delivering do not pay for the counts.

A block into which no new delivery can fall, but in which some wait, is counted again when fewer are unfinished: with
as many as before, they are the same ones.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, case, cast, delete, func, literal_column, select, update

from webhook_app import green_threads, logs
from webhook_app.inbox.counting import block_details
from webhook_app.inbox.expressions import insert_into, literal, waits_since
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import block_figures, counted_blocks, deliveries, delivery_counts
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnElement, Connection, Select

    from webhook_app.inbox.store import Inbox

BLOCK = 4096  # consecutive numbers; reading that many rows takes 5 to 10 milliseconds
COMPARED = ("hour", "shop", "platform", "topic", "state", "reason", "number", "first_id", "last_id")
COMMITTED: ColumnElement[bool] = literal_column(
    "age(deliveries.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)"
)
FRESH = 2_000  # milliseconds for which the count of a block that is not final is reused


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of counting: the number of blocks, how many were never counted, and whether counts can be stored.

    One whose rows changed since it was counted has been: its counts are a little older until it is counted again.
    """

    blocks: int
    uncounted: int
    is_stored: bool = True


@dataclass(frozen=True, slots=True)
class _CountedBlock:
    version: int
    final: bool
    counted_at: int
    unfinished: int | None
    detailed_at: int | None

    @property
    def was_counted(self) -> bool:
        """Whether there are counts of it, however old; invalidate() sets only `counted_at` back."""
        return bool(self.counted_at or self.detailed_at)


def refresh(inbox: Inbox, within: float | None = 0.08, fresh: int = FRESH) -> Progress:
    """Count blocks that may have changed, for at most `within` seconds (None: until all are counted).

    The newest block first, then those never counted, then those counted longest ago: at least one besides the newest,
    which is due again at almost every call, and on a slow machine would take the time of all others. `fresh` is in
    milliseconds. Raises StoreUnavailableError.
    """
    deadline = float("inf") if within is None else time.monotonic() + within
    first, last = _range(inbox)
    blocks = range(first // BLOCK, last // BLOCK + 1) if last else range(0)
    known = _known(inbox)
    if any(block not in blocks for block in known):
        _delete_counts(inbox, blocks)
    now, waiting = inbox.clock(), _waiting(inbox, known.values())
    due = [block for block in blocks if _is_due(known.get(block), now - fresh, now, waiting[block])]
    due.sort(key=lambda block: _urgency(block, blocks[-1], known.get(block)))
    done, least = 0, 2 if blocks and blocks[-1] in due else 1
    for block in due:
        if done >= least and time.monotonic() > deadline:
            break
        _count(inbox, block, known.get(block), blocks[-1])
        green_threads.yield_control()
        done += 1
    counted = set(due[:done]) | {block for block, each in known.items() if each.was_counted}
    return Progress(len(blocks), sum(block not in counted for block in blocks))


def recount(inbox: Inbox, blocks: Iterable[int], within: float | None = None) -> list[int]:
    """Count blocks again, for at most `within` seconds; returns those that were final and had a wrong count.

    A row that changes meanwhile is none: whatever changes it invalidates its block. Logs them.
    """
    deadline = float("inf") if within is None else time.monotonic() + within
    (_, last), known, wrong = _range(inbox), _known(inbox), list[int]()
    for block in blocks:
        if _count(inbox, block, known.get(block), last // BLOCK):
            wrong.append(block)
        green_threads.yield_control()
        if time.monotonic() > deadline:
            break
    if wrong:
        logs.logger().warning("counts_corrected", blocks=len(wrong), first=wrong[0] * BLOCK)
    return wrong


def final_blocks(inbox: Inbox) -> list[int]:
    """Return the blocks that are not counted again by refresh(), those counted longest ago first."""
    final = [(each.counted_at, block) for block, each in _known(inbox).items() if each.final]
    return [block for _, block in sorted(final)]


def invalidate(connection: Connection, ids: Iterable[int]) -> None:
    """Have the blocks of `ids` counted again; called in the transaction that changes these rows."""
    blocks = sorted({number // BLOCK for number in ids})
    if not blocks:
        return
    into = insert_into(connection, counted_blocks)
    rows = [{"block": block, "version": 1, "final": False, "counted_at": 0} for block in blocks]
    changed = {"version": counted_blocks.c.version + 1, "final": False, "counted_at": 0}
    connection.execute(into.values(rows).on_conflict_do_update(index_elements=["block"], set_=changed))


def _range(inbox: Inbox) -> tuple[int, int]:
    with inbox.database.read() as connection:
        # Two statements: SQLite reads min() and max() off an index only when each is alone.
        first = connection.execute(select(func.min(deliveries.c.id))).scalar_one()
        last = connection.execute(select(func.max(deliveries.c.id))).scalar_one()
    return first or 0, last or 0


def _known(inbox: Inbox) -> dict[int, _CountedBlock]:
    block = counted_blocks.c
    columns = block.version, block.final, block.counted_at, block.unfinished, block.detailed_at
    with inbox.database.read() as connection:
        return {row[0]: _CountedBlock(*row[1:]) for row in connection.execute(select(block.block, *columns))}


def _waiting(inbox: Inbox, known: Iterable[_CountedBlock]) -> Counter[int]:
    """Return the number of unfinished deliveries of each block, from their index, where a block depends on it."""
    if all(each.unfinished is None or each.final for each in known):
        return Counter()
    block = (deliveries.c.id // literal(BLOCK)).label("block")
    query = select(block, func.count()).where(deliveries.c.due_at.is_not(None)).group_by(block)
    with inbox.database.read() as connection:
        return Counter({int(row[0]): row[1] for row in connection.execute(query)})


def _delete_counts(inbox: Inbox, blocks: range) -> None:
    """Delete the counts outside of `blocks`: their rows are all deleted."""
    with inbox.database.write() as connection:
        for table in (delivery_counts, block_figures, counted_blocks):
            outside = (table.c.block < blocks.start) | (table.c.block >= blocks.stop)
            connection.execute(delete(table).where(outside))


def _is_due(known: _CountedBlock | None, before: int, now: int, waiting: int) -> bool:
    """A count that is dated in the future, because the clock was ahead, is no reason to wait until then."""
    if known is None or not known.counted_at:
        return True
    if known.final:
        return known.detailed_at != known.counted_at  # counted by an earlier version
    if known.unfinished is not None:
        return known.unfinished != waiting
    return not before < known.counted_at <= now


def _urgency(block: int, newest: int, known: _CountedBlock | None) -> tuple[bool, bool, int, int]:
    return block < newest, bool(known and known.was_counted), known.counted_at if known else 0, -block


def _count(inbox: Inbox, block: int, known: _CountedBlock | None, newest: int) -> bool:
    """Count one block and store the counts, unless a row in it changed meanwhile.

    Returns whether it was final, and its count wrong.
    """
    now, version = inbox.clock(), known.version if known else 0
    with inbox.database.read() as connection:
        closed = block < newest - 1 and _all_committed(connection, block)
        rows = [{"block": block, **row} for row in connection.execute(_counting(block)).mappings()]
        details = block_details.counted(connection, block, range(block * BLOCK, (block + 1) * BLOCK))
    unfinished = sum(row["number"] for row in rows if row["state"] in UNFINISHED)
    final = closed and not unfinished
    counted = {"final": final, "counted_at": now, "unfinished": unfinished if closed else None}
    summary = {"summary": block_details.summary(rows), "detailed_at": now}
    with inbox.database.write() as connection:
        new = insert_into(connection, counted_blocks)
        uncounted = {"block": block, "version": 0, "final": False, "counted_at": 0}
        connection.execute(new.values(uncounted).on_conflict_do_nothing())
        same = (counted_blocks.c.block == block) & (counted_blocks.c.version == version)
        if not connection.execute(update(counted_blocks).where(same).values(counted | summary)).rowcount:
            return False
        wrong = bool(known and known.final) and _stored(connection, block) != {_what(row) for row in rows}
        connection.execute(delete(delivery_counts).where(delivery_counts.c.block == block))
        block_details.add(connection, delivery_counts, rows)
        block_details.replace(connection, block, details)
        return wrong


def _all_committed(connection: Connection, block: int) -> bool:
    """Return whether every number of `block` that will ever be used is visible, with a whole block after it.

    PostgreSQL gives out a number early, and its transaction may be committed long after those of higher numbers. So all
    transactions that are still open must have begun after the one that stored the row after the next block.
    """
    if connection.dialect.name != "postgresql":
        return True
    row = deliveries.c
    beyond = select(COMMITTED).where(row.id >= (block + 2) * BLOCK).order_by(row.id).limit(1)
    return bool(connection.execute(beyond).scalar())


def _stored(connection: Connection, block: int) -> set[tuple[Any, ...]]:
    query = select(delivery_counts).where(delivery_counts.c.block == block)
    return {_what(row) for row in connection.execute(query).mappings()}


def _what(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    """Return what a count says; earlier versions counted waiting times differently."""
    return tuple([row[name] for name in COMPARED])


def _counting(block: int) -> Select[Any]:
    row = deliveries.c
    groups = (
        (row.received_at // literal(HOUR)).label("hour"),
        row.shop,
        row.platform,
        row.topic,
        row.state,
        row.reason,
    )
    began = waits_since()
    waited = case((and_(row.state == State.DELIVERED, row.settled_at > began), row.settled_at - began), else_=0)
    counted = (
        func.count().label("number"),
        func.min(row.id).label("first_id"),
        func.max(row.id).label("last_id"),
        cast(func.coalesce(func.sum(waited), 0), BigInteger).label("waited"),
    )
    in_block = row.id.between(block * BLOCK, (block + 1) * BLOCK - 1)
    return select(*groups, *counted).where(in_block).group_by(*groups)
