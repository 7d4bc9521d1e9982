"""How many deliveries there are of each shop, topic, state and reason, by the hour, without reading all rows each time.

Numbers are counted block by block when somebody looks. A block in which nothing is unfinished, and which no arrival
can be put into any more, is counted for good; whatever changes a settled row later (`replay`, `discard`, `redact`,
retention) says so with changed(), in its own transaction. So accepting and delivering do not pay for the counts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, insert, select, update

from webhook_app import green_threads
from webhook_app.inbox.engines.statements import INSERT, fixed
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import counted_blocks, deliveries, delivery_counts
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Select

    from webhook_app.inbox.store import Inbox

BLOCK = 4096  # numbers; reading that many rows takes 5 to 10 milliseconds
FRESH = 2_000  # milliseconds for which a count of what still changes is good enough


@dataclass(frozen=True, slots=True)
class Progress:
    """How far counting has come: of `blocks` in all, how many were never counted yet."""

    blocks: int
    uncounted: int


@dataclass(frozen=True, slots=True)
class _Known:
    version: int
    final: bool
    counted_at: int


def refresh(inbox: Inbox, within: float | None = 0.08, fresh: int = FRESH) -> Progress:
    """Count what changed since the last time, for `within` seconds at the most (None: until it is done).

    The newest numbers first, then what was never counted, then what was counted longest ago. `fresh` is in
    milliseconds. Raises StoreUnavailableError.
    """
    deadline = float("inf") if within is None else time.monotonic() + within
    first, last = _range(inbox)
    blocks = range(first // BLOCK, last // BLOCK + 1) if last else range(0)
    known = _known(inbox)
    if any(block not in blocks for block in known):
        _forget(inbox, blocks)
    due = [block for block in blocks if _is_due(known.get(block), inbox.clock() - fresh)]
    due.sort(key=lambda block: _urgency(block, blocks[-1], known.get(block)))
    done = 0
    for block in due:
        if done and time.monotonic() > deadline:
            break
        _count(inbox, block, known.get(block), closed=block < blocks[-1] - 1)
        green_threads.yield_control()
        done += 1
    counted = set(due[:done]) | {block for block, each in known.items() if each.counted_at}
    return Progress(len(blocks), sum(block not in counted for block in blocks))


def invalidate(connection: Connection, ids: Iterable[int]) -> None:
    """Have the blocks of `ids` counted anew; to be called in the transaction that changes these rows."""
    blocks = sorted({number // BLOCK for number in ids})
    if not blocks:
        return
    into: Any = INSERT[connection.dialect.name](counted_blocks)
    rows = [{"block": block, "version": 1, "final": False, "counted_at": 0} for block in blocks]
    again = {"version": counted_blocks.c.version + 1, "final": False, "counted_at": 0}
    connection.execute(into.values(rows).on_conflict_do_update(index_elements=["block"], set_=again))


def _range(inbox: Inbox) -> tuple[int, int]:
    with inbox.database.reading() as connection:
        # Two statements: SQLite reads min() and max() off an index only when each is alone.
        first = connection.execute(select(func.min(deliveries.c.id))).scalar_one()
        last = connection.execute(select(func.max(deliveries.c.id))).scalar_one()
    return first or 0, last or 0


def _known(inbox: Inbox) -> dict[int, _Known]:
    with inbox.database.reading() as connection:
        rows = connection.execute(select(counted_blocks))
        return {row.block: _Known(row.version, row.final, row.counted_at) for row in rows}


def _forget(inbox: Inbox, blocks: range) -> None:
    """Drop the counts of blocks whose rows are all gone."""
    with inbox.database.writing() as connection:
        for table in (delivery_counts, counted_blocks):
            gone = (table.c.block < blocks.start) | (table.c.block >= blocks.stop)
            connection.execute(delete(table).where(gone))


def _is_due(known: _Known | None, before: int) -> bool:
    return known is None or not (known.final or known.counted_at > before)


def _urgency(block: int, newest: int, known: _Known | None) -> tuple[bool, int, int]:
    return block < newest, known.counted_at if known else 0, -block


def _count(inbox: Inbox, block: int, known: _Known | None, *, closed: bool) -> None:
    """Count one block and write that down, unless something in it changed meanwhile."""
    now, version = inbox.clock(), known.version if known else 0
    with inbox.database.reading() as connection:
        rows = [{"block": block, **row} for row in connection.execute(_counting(block)).mappings()]
    final = closed and not any(row["state"] in UNFINISHED for row in rows)
    with inbox.database.writing() as connection:
        new: Any = INSERT[connection.dialect.name](counted_blocks)
        nothing_yet = {"block": block, "version": 0, "final": False, "counted_at": 0}
        connection.execute(new.values(nothing_yet).on_conflict_do_nothing())
        same = (counted_blocks.c.block == block) & (counted_blocks.c.version == version)
        if connection.execute(update(counted_blocks).where(same).values(final=final, counted_at=now)).rowcount:
            connection.execute(delete(delivery_counts).where(delivery_counts.c.block == block))
            if rows:
                connection.execute(insert(delivery_counts), rows)


def _counting(block: int) -> Select[Any]:
    row = deliveries.c
    kinds = ((row.received_at // fixed(HOUR)).label("hour"), row.shop, row.platform, row.topic, row.state, row.reason)
    waited = case((row.state == State.DELIVERED, row.settled_at - row.received_at), else_=0)
    counted = (
        func.count().label("number"),
        func.min(row.id).label("first_id"),
        func.max(row.id).label("last_id"),
        func.coalesce(func.sum(waited), 0).label("waited"),
    )
    mine = row.id.between(block * BLOCK, (block + 1) * BLOCK - 1)
    return select(*kinds, *counted).where(mine).group_by(*kinds)
