"""Throttle states in the database, where all workers share them: circuit breakers and rate limits by scope."""

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

COLUMNS = tuple(throttles.c.keys())


def _all(_insert: Any) -> Any:
    return select(*(throttles.c[name] for name in COLUMNS))


ALL_ROWS = Statement(_all)


def read_all(work: Work) -> dict[Scope, ThrottleState]:
    """Return every throttle that is not in its initial state."""
    states = [_state(dict(zip(COLUMNS, row, strict=True))) for row in ALL_ROWS.run(work, {})]
    return {state.scope: state for state in states}


def change(database: Database, scope: Scope, decide: Callable[[ThrottleState], tuple[ThrottleState, T]]) -> T:
    """Let `decide` change a throttle under a lock; returns the second of the values that it returns."""
    with database.writing() as connection:
        before = _locked(connection, scope)
        after, result = decide(before)
        same = throttles.c.name == str(scope)
        if after == ThrottleState(scope):
            connection.execute(delete(throttles).where(same))
        elif after != before:
            connection.execute(update(throttles).where(same).values(**_row(after)))
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
