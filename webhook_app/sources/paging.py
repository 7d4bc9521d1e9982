"""Reads a list to its end by offsets, while rows are added, changed and deleted, from a host that may not be right.

Each request overlaps the one before. Where not one row of the overlap comes back, rows before it were deleted and the
list moved up: the request is repeated further back. So no row is left out that was there all the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook_app.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SIZE, OVERLAP = 100, 10
MOST_ROWS = 1_000_000
MOST_MOVES = 100  # of a list, back to rows that were seen
REPEATS = 3  # pages in a row without a new row, which a mass change explains


@dataclass(frozen=True, slots=True)
class RowPage:
    """The rows that an offset gave, and the length of the list and its number of pages as the host says, if it does."""

    rows: Sequence[Any]
    total: int | None
    pages: int | None


def pages(fetch: Callable[[int, int], RowPage], id_of: Callable[[Any], str]) -> Iterator[Sequence[Any]]:
    """Yield the rows of `fetch`(offset, size) in pages; a row may come twice. Raises SourceError."""
    offset, size, previous, repeats = 0, SIZE, frozenset[str](), 0
    moves = 0
    while True:
        page = fetch(offset, size)
        if not offset:
            size = _size(page, size)
        ids = frozenset(map(id_of, page.rows))
        if offset and previous.isdisjoint(ids):
            offset, moves = max(offset - size, 0), moves + 1
            if moves > MOST_MOVES:
                raise SourceError("api_odd_answer", "The orders that the API lists change with every request.")
            continue
        repeats = repeats + 1 if ids and ids <= previous else 0
        if repeats > REPEATS:
            raise SourceError("api_odd_answer", "The API sends the same orders again and again: it ignores `offset`.")
        yield page.rows
        if _is_last(page, offset, size):
            return
        previous = ids or previous
        offset += max(size - OVERLAP, 1)
        if offset > MOST_ROWS:
            raise SourceError("api_odd_answer", f"The API lists more than {MOST_ROWS} orders in one window.")


def _size(first: RowPage, size: int) -> int:
    """Return how many rows the host gives at most, which may be fewer than asked for."""
    received = len(first.rows)
    if first.pages is None or first.total is None:
        return size
    asked = -(-first.total // size)
    return received if received and first.pages > asked else size


def _is_last(page: RowPage, offset: int, size: int) -> bool:
    """Return whether the list ends here: by its length, since a page may have fewer rows than asked for."""
    if page.total is None:
        return len(page.rows) < size
    return offset + size >= page.total
