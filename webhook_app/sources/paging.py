"""Reads a list to its end by offsets, while rows are added, changed and deleted, from a host that may not be right.

Each request overlaps the one before. Where not one row of the overlap comes back, rows before it were deleted and the
list moved up, so it is read again from further back; or the host counts rows that it does not show, which the same rows
at the offset before mean. So no row is left out that was there all the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook_app.errors import SourceError, TooMuchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Fetch = Callable[[int, int], "RowPage"]

SIZE, OVERLAP = 100, 10
SMALLEST = 12
MOST_ROWS = 1_000_000
MOST_MOVES = 100  # of a list, back to rows that were seen
REPEATS = 3  # pages in a row without a new row, which a mass change explains


@dataclass(frozen=True, slots=True)
class RowPage:
    """The rows that an offset gave, and the length of the list and its number of pages as the host says, if it does."""

    rows: Sequence[Any]
    total: int | None
    pages: int | None


def pages(fetch: Fetch, id_of: Callable[[Any], str], size: int = SIZE) -> Iterator[Sequence[Any]]:
    """Yield the rows of `fetch`(offset, size) in pages; a row may come twice. Raises SourceError.

    After a page that was too much for the host, or for this side, which is yielded as an empty one, pages are smaller.
    """
    offset, most, repeats, moves = 0, 0, 0, 0
    at, previous = 0, frozenset[str]()  # the offset and the rows of the page before
    while True:
        try:
            page = fetch(offset, size)
        except TooMuchError:
            if size <= SMALLEST:
                raise
            size //= 2
            yield ()
            continue
        most = max(most, len(page.rows))
        step = _step(page, size, most)
        ids = frozenset(map(id_of, page.rows))
        if previous and previous.isdisjoint(ids) and not _is_hidden(fetch, id_of, at, size, previous):
            offset, moves = max(offset - size, 0), moves + 1
            if moves > MOST_MOVES:
                raise SourceError("api_odd_answer", "The orders that the API lists change with every request.")
            previous = previous if offset else frozenset()
            continue
        repeats = repeats + 1 if ids and ids <= previous else 0
        if repeats > REPEATS:
            raise SourceError("api_odd_answer", "The API sends the same orders again and again: it ignores `offset`.")
        yield page.rows
        if _is_last(page, offset + step, step, is_new=not ids <= previous):
            return
        if ids:
            at, previous = offset, ids
        offset += max(step - OVERLAP, 1)
        if offset > MOST_ROWS:
            raise SourceError("api_odd_answer", f"The API lists more than {MOST_ROWS} orders in one window.")


def _is_hidden(fetch: Fetch, id_of: Callable[[Any], str], at: int, size: int, previous: frozenset[str]) -> bool:
    """Return whether the list did not move: the page before is as it was, after this one was read."""
    return frozenset(map(id_of, fetch(at, size).rows)) >= previous


def _step(page: RowPage, size: int, most: int) -> int:
    """Return how many rows of the list a page stands for; `most` is how many the largest page had until now.

    A host may give fewer than `size` at a time, which its number of pages shows; or leave out rows of a page that the
    key may not read.
    """
    gives_fewer = page.total is None or page.pages is None or page.pages > -(-page.total // size)
    return min(most, size) or size if gives_fewer else size


def _is_last(page: RowPage, end: int, step: int, *, is_new: bool) -> bool:
    """Return whether the list ends here: by its length, since a page may have fewer rows than asked for.

    A full page with new rows is never the last: the length may be an old one. Without a length the last page has
    nothing but rows of the overlap.
    """
    if page.total is None:
        return not is_new and len(page.rows) <= OVERLAP
    return end >= page.total and (len(page.rows) < step or not is_new)
