"""What is stored of a block of deliveries besides its counts: sums over all shops, times and failures by day.

Counts of many shops are almost as many rows as deliveries. So what a page shows of all shops together over weeks is
read from one short text a block.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import String, case, delete, func, insert, literal_column, select

from webhook_app.inbox.engines.statements import Batch, takes_lists
from webhook_app.inbox.expressions import literal, waits_since
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import attempts, block_figures, counted_blocks, deliveries, delivery_counts
from webhook_app.time_units import DAY, HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Select, Table

WAIT, FAILURE = "wait", "failure"  # kinds of figures
SLOT = 6  # hours; the sums of a block are for slots of so many
# Upper bounds in milliseconds of the time from received to delivered; the last one also stands for every longer one.
STEPS = (
    *(50, 100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND),
    *(MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY),
)


class Sum(NamedTuple):
    """Deliveries of all shops that were received in a slot; `waited` is the sum of milliseconds of the delivered."""

    slot: int
    state: str
    reason: str
    number: int
    waited: int


def summary(rows: Iterable[Mapping[Any, Any]]) -> str:
    """Return the sums of the counts of a block, as text."""
    return json.dumps([list(one) for one in _summed(rows)], separators=(",", ":"))


def _summed(rows: Iterable[Mapping[Any, Any]]) -> list[Sum]:
    numbers, waited = Counter[tuple[int, str, str]](), Counter[tuple[int, str, str]]()
    for row in rows:
        key = (row["hour"] // SLOT, row["state"], row["reason"])
        numbers[key] += row["number"]
        waited[key] += row["waited"]
    return [Sum(*key, numbers[key], waited[key]) for key in sorted(numbers)]


def sums(connection: Connection, slots: range) -> list[Sum]:
    """Return the sums of every block, for some slots."""
    block = counted_blocks.c
    known = connection.execute(select(block.block, block.counted_at, block.detailed_at, block.summary)).all()
    # The counts of a block that was invalidated (0) are still those of its sums.
    valid = [one for one in known if one.summary and one.counted_at in (0, one.detailed_at)]
    others = {one.block for one in known} - {one.block for one in valid}
    found = [Sum(*each) for one in valid for each in json.loads(one.summary)]
    return [one for one in [*found, *_counted(connection, others)] if one.slot in slots]


def _counted(connection: Connection, blocks: Iterable[int]) -> Sequence[Sum]:
    """Return the sums of blocks that an earlier version has counted."""
    count, wanted = delivery_counts.c, sorted(blocks)
    if not wanted:
        return []
    slot = (count.hour // literal(SLOT)).label("slot")
    number, waited = func.sum(count.number).label("number"), func.sum(count.waited).label("waited")
    query = select(slot, count.state, count.reason, number, waited).where(count.block.in_(wanted))
    rows = connection.execute(query.group_by("slot", count.state, count.reason))
    return [Sum(int(row.slot), row.state, row.reason, int(row.number), int(row.waited)) for row in rows]


def counted(connection: Connection, block: int, numbers: range) -> list[dict[str, Any]]:
    """Count the settled deliveries of a block by how long they took, and their failed attempts by class."""
    queries = {WAIT: _waits(numbers), FAILURE: _failures(numbers)}
    return [
        {"block": block, "kind": kind, **row, "name": str(row["name"])}
        for kind, query in queries.items()
        for row in connection.execute(query).mappings()
    ]


def _waits(numbers: range) -> Select[Any]:
    row, took = deliveries.c, deliveries.c.settled_at - waits_since()
    bounds = [(took <= literal(bound), literal(bound)) for bound in STEPS[:-1]]
    day, step = (row.received_at // literal(DAY)).label("day"), case(*bounds, else_=literal(STEPS[-1])).label("name")
    delivered = row.state == literal_column(f"'{State.DELIVERED.value}'")
    query = select(row.shop, day, step, func.count().label("number"))
    query = query.where(row.id.between(numbers.start, numbers.stop - 1), delivered)
    return query.group_by(row.shop, day, step)


def _failures(numbers: range) -> Select[Any]:
    attempt, day = attempts.c, (attempts.c.ended_at // literal(DAY)).label("day")
    query = select(deliveries.c.shop, day, attempt.failure.label("name"), func.count().label("number"))
    query = query.join(deliveries, deliveries.c.id == attempt.delivery_id)
    query = query.where(attempt.delivery_id.between(numbers.start, numbers.stop - 1), deliveries.c.due_at.is_(None))
    return query.group_by(deliveries.c.shop, day, attempt.failure)


def replace(connection: Connection, block: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the figures of a block in place of earlier ones."""
    connection.execute(delete(block_figures).where(block_figures.c.block == block))
    add(connection, block_figures, rows)


def add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; in one statement where a parameter may be a list, which takes a fifth of the time of many."""
    if takes_lists(connection):
        _adding(table).run(connection, rows)
    elif rows:
        connection.execute(insert(table), rows)


@cache
def _adding(table: Table) -> Batch:
    names = ", ".join(column.name for column in table.c)
    kinds = (f"{column.name} {'text' if isinstance(column.type, String) else 'bigint'}" for column in table.c)
    return Batch(", ".join(kinds), f"INSERT INTO {table.name} ({names}) SELECT {names} FROM given")  # noqa: S608 - ours
