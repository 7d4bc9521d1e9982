"""Notes the statements that an inbox executes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.inbox import Inbox

    Executed = list[tuple[str, Any]]


@contextmanager
def statements_of(inbox: Inbox) -> Iterator[Executed]:
    """Return a list that receives each statement of the block, with its parameters."""
    executed: Executed = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        executed.append((statement, parameters))

    engine = inbox.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield executed
    finally:
        event.remove(engine, "before_cursor_execute", note)
