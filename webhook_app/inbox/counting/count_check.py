"""Checks the counts of statistics.py against the stored deliveries, and corrects what differs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, cast, func, select

from webhook_app.inbox.counting import statistics
from webhook_app.inbox.expressions import literal
from webhook_app.inbox.tables import counted_blocks, deliveries, delivery_counts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from webhook_app.inbox.store import Inbox

    Counts = Counter[tuple[int, str]]

TRIES = 3  # deliveries may be stored and settled between two statements
ANY = "any"  # in place of the state of deliveries of a block that is not final
LONGEST = 64  # blocks that one statement counts


@dataclass(frozen=True, slots=True)
class CountCheck:
    """The number of stored deliveries that were compared with the counts, and of blocks that had to be corrected.

    `adds_up`: every one of them is now counted exactly once.
    """

    compared: int
    corrected: int
    adds_up: bool


def check(inbox: Inbox, hours: range | None = None) -> CountCheck:
    """Compare the counts with the stored deliveries, counted independently, and count again what differs.

    With `hours` (since 1970 UTC), only those blocks of numbers in which something was received then, and the blocks
    beside them. Raises StoreUnavailableError.
    """
    corrected = 0
    for _ in range(TRIES):
        blocks = None if hours is None else _blocks_of(inbox, hours)
        compared, differing = _compare(inbox, blocks)
        if not differing:
            return CountCheck(compared, corrected, adds_up=True)
        corrected += len(statistics.recount(inbox, differing))
    return CountCheck(compared, corrected, adds_up=False)


def check_some(inbox: Inbox, within: float) -> list[int]:
    """Count final blocks again for so many seconds, those counted longest ago first; returns those that were wrong."""
    return statistics.recount(inbox, statistics.final_blocks(inbox), within)


def _blocks_of(inbox: Inbox, hours: range) -> set[int]:
    count = delivery_counts.c
    query = select(count.block).where(count.hour >= hours.start, count.hour < hours.stop).distinct()
    with inbox.database.read() as connection:
        blocks = connection.execute(query).scalars().all()
    return {near for block in blocks for near in (block - 1, block, block + 1)}


def _compare(inbox: Inbox, blocks: Collection[int] | None) -> tuple[int, list[int]]:
    """Return how many deliveries are stored in `blocks` (None: all), and the blocks whose counts differ from them."""
    known = select(counted_blocks.c.block, counted_blocks.c.final).where(counted_blocks.c.counted_at > 0)
    with inbox.database.read() as connection:
        is_final = {row.block: row.final for row in connection.execute(known) if blocks is None or row.block in blocks}
        counted, last = _counted(connection, is_final)
        stored = _stored(connection, [block for block in is_final if is_final[block]])
        for block in last.keys() - {block for block, _ in stored}:
            if not is_final[block]:
                stored[block, ANY] = _stored_up_to(connection, block, last[block])
    differing = {key[0] for key in counted.keys() | stored.keys() if counted[key] != stored[key]}
    return stored.total(), sorted(differing)


def _counted(connection: Connection, is_final: Mapping[int, bool]) -> tuple[Counts, dict[int, int]]:
    """Return the counts of blocks, by state where they are final, and the last number that was counted in each."""
    count, number = delivery_counts.c, cast(func.sum(delivery_counts.c.number), BigInteger)
    query = select(count.block, count.state, number.label("number"), func.max(count.last_id).label("last"))
    if is_final:
        query = query.where(count.block.between(min(is_final), max(is_final)))
    counted, last = Counter[tuple[int, str]](), dict[int, int]()
    for row in connection.execute(query.group_by(count.block, count.state)):
        if row.block in is_final:
            counted[row.block, row.state if is_final[row.block] else ANY] += row.number
            last[row.block] = max(row.last, last.get(row.block, 0))
    return counted, last


def _stored(connection: Connection, blocks: Collection[int]) -> Counts:
    """Count the stored deliveries of final blocks by state."""
    block, state = (deliveries.c.id // literal(statistics.BLOCK)).label("block"), deliveries.c.state
    stored = Counter[tuple[int, str]]()
    for first, end in _runs(sorted(blocks)):
        numbers = deliveries.c.id.between(first * statistics.BLOCK, end * statistics.BLOCK - 1)
        query = select(block, state, func.count().label("number")).where(numbers).group_by(block, state)
        stored.update({(row.block, row.state): row.number for row in connection.execute(query)})
    return stored


def _stored_up_to(connection: Connection, block: int, last: int) -> int:
    """Count the stored deliveries of a block up to the last one that was counted: more arrive, and states change."""
    numbers = deliveries.c.id.between(block * statistics.BLOCK, last)
    return int(connection.execute(select(func.count()).select_from(deliveries).where(numbers)).scalar_one())


def _runs(blocks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first block and the one after the last of each run of consecutive blocks, of LONGEST at most."""
    first = None
    for block, after in zip_longest(blocks, blocks[1:]):
        first = block if first is None else first
        if after != block + 1 or block + 1 - first == LONGEST:
            yield first, block + 1
            first = None
