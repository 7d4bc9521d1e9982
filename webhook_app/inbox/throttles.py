"""Throttle states in the database, where all workers share them: circuit breakers and rate limits by scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, select, update

from webhook_app.inbox import hot_statements
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.tables import throttles
from webhook_app.throttling.circuit_breaker import healed
from webhook_app.throttling.state import Scope, ThrottleState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import Connection

    from webhook_app.inbox.engines.database import Database

T = TypeVar("T")


def read_all(connection: Connection, now: int) -> dict[Scope, ThrottleState]:
    """Return every throttle that is not in its initial state; a time that no pause reaches is corrected."""
    states = [healed(_state(row), now) for row in hot_statements.THROTTLES.run_named(connection)]
    return {state.scope: state for state in states}


def change(database: Database, scope: Scope, decide: Callable[[ThrottleState], tuple[ThrottleState, T]]) -> T:
    """Let `decide` change a throttle under a lock; returns the second of the values that it returns."""
    with database.write() as connection:
        before = _locked(connection, scope)
        after, result = decide(healed(before, database.now(connection)))
        same = throttles.c.name == str(scope)
        if after == ThrottleState(scope):
            connection.execute(delete(throttles).where(same))
        elif after != before:
            connection.execute(update(throttles).where(same).values(**_row(after)))
        return result


def reset(database: Database, scopes: Collection[Scope]) -> None:
    """Bring throttles back to their initial state: closed, without a pause or a lowered rate."""
    with database.write() as connection:
        connection.execute(delete(throttles).where(throttles.c.name.in_(map(str, scopes))))


def _locked(connection: Connection, scope: Scope) -> ThrottleState:
    insert = insert_into(connection, throttles).values(**_row(ThrottleState(scope)))
    connection.execute(insert.on_conflict_do_nothing())
    query = select(throttles).where(throttles.c.name == str(scope)).with_for_update()
    return _state(connection.execute(query).mappings().one())


def _state(row: Mapping[Any, Any]) -> ThrottleState:
    return ThrottleState(Scope.parse(row["name"]), **{name: row[name] for name in row if name != "name"})


def _row(state: ThrottleState) -> dict[str, Any]:
    names = [column.key for column in throttles.columns if column is not throttles.c.name]
    return {"name": str(state.scope), **{name: getattr(state, name) for name in names}}
