"""Throttle states in the database: what all workers know of the calls of one shop, or to one Tweakwise address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, select, update

from webhook_app.inbox.engines.statements import INSERT, Statement
from webhook_app.inbox.tables import throttles
from webhook_app.throttling.state import Scope, ThrottleState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from webhook_app.inbox.engines.database import Database
    from webhook_app.inbox.engines.statements import Work

T = TypeVar("T")

COLUMNS = ("name", "failures", "reason", "pauses", "open_until", "probing", "rate", "rate_at", "next_at")


def _all(_insert: Any) -> Any:
    return select(*(throttles.c[name] for name in COLUMNS))


ALL_ROWS = Statement(_all)


def read_all(work: Work) -> dict[Scope, ThrottleState]:
    """Return every throttle that is not in its initial state."""
    states = [_state(dict(zip(COLUMNS, row, strict=True))) for row in ALL_ROWS.run(work, {})]
    return {state.scope: state for state in states}


def change(database: Database, scope: Scope, decide: Callable[[ThrottleState], tuple[ThrottleState, T]]) -> T:
    """Let `decide` change a throttle while no other worker does; returns the second value that it returns."""
    with database.writing() as connection:
        before = _locked(connection, scope)
        after, result = decide(before)
        mine = throttles.c.name == str(scope)
        if after == ThrottleState(scope):
            connection.execute(delete(throttles).where(mine))
        elif after != before:
            connection.execute(update(throttles).where(mine).values(**_row(after)))
        return result


def _locked(connection: Connection, scope: Scope) -> ThrottleState:
    insert: Any = INSERT[connection.dialect.name]
    connection.execute(insert(throttles).values(**_row(ThrottleState(scope))).on_conflict_do_nothing())
    query = select(throttles).where(throttles.c.name == str(scope)).with_for_update()
    return _state(connection.execute(query).mappings().one())


def _state(row: Any) -> ThrottleState:
    return ThrottleState(Scope.parse(row["name"]), **{name: row[name] for name in COLUMNS if name != "name"})


def _row(state: ThrottleState) -> dict[str, Any]:
    return {"name": str(state.scope), **{name: getattr(state, name) for name in COLUMNS if name != "name"}}
