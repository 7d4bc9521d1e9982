"""An empty database of either engine, for the length of a block."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Engine = Callable[[Path], AbstractContextManager[str]]


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """Yield the address of an SQLite file in `folder`."""
    yield f"sqlite:///{folder / 'inbox.db'}"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:  # noqa: ARG001 - as an engine is called
    """Yield the address of a database on a server of its own."""
    with postgres.server() as server, server.database() as database:
        yield database


ALL: dict[str, Engine] = {"sqlite": sqlite, "postgresql": postgresql}
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
