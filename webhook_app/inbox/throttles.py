"""Lanes: what all workers know together of the calls of one shop, or to one Tweakwise."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, select, update

from webhook_app.inbox.engines.statements import INSERT, Statement
from webhook_app.inbox.tables import lanes

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from webhook_app.inbox.engines.database import Database
    from webhook_app.inbox.engines.statements import Work

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lane:
    """Breaker and pace. Times are milliseconds since 1970 UTC, a rate is calls a second.

    `failures` in a row; `open_until` is None while the breaker is closed; `probing` while one call tries whether it
    may close; `pauses` counts how often in a row it opened; `rate`, set at `rate_at`, holds after trouble; `next_at` is
    when the next call would begin at that rate.
    """

    name: str
    failures: int = 0
    reason: str = ""
    pauses: int = 0
    open_until: int | None = None
    probing: bool = False
    rate: float | None = None
    rate_at: int | None = None
    next_at: float = 0.0


def _all(_insert: Any) -> Any:
    return select(*(lanes.c[name] for name in Lane.__dataclass_fields__))


ALL = Statement(_all)


def read(work: Work) -> dict[str, Lane]:
    """Return every lane of which there is anything to tell."""
    return {row[0]: Lane(*row) for row in ALL.run(work, {})}


def change(database: Database, name: str, decide: Callable[[Lane], tuple[Lane, T]]) -> T:
    """Let `decide` change a lane while nobody else does; returns what it says besides."""
    with database.writing() as connection:
        before = _locked(connection, name)
        after, said = decide(before)
        if after == Lane(name):
            connection.execute(delete(lanes).where(lanes.c.name == name))
        elif after != before:
            connection.execute(update(lanes).where(lanes.c.name == name).values(**asdict(after)))
        return said


def _locked(connection: Connection, name: str) -> Lane:
    insert: Any = INSERT[connection.dialect.name]
    connection.execute(insert(lanes).values(**asdict(Lane(name))).on_conflict_do_nothing())
    row = connection.execute(select(lanes).where(lanes.c.name == name).with_for_update()).one()
    return Lane(**row._asdict())
