"""A list is read to its end, whatever happens to it meanwhile, and whatever the host answers."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook_app.errors import SourceError, TooMuchError
from webhook_app.sources import paging
from webhook_app.sources.paging import OVERLAP, SIZE, RowPage, pages

if TYPE_CHECKING:
    from collections.abc import Callable


def read(rows: list[int], change: Callable[[int], object] = lambda _: None, most: int = SIZE) -> list[int]:
    """Every row that is read from a list that `change` may change before each request but the first."""
    asked = count()

    def fetch(offset: int, size: int) -> RowPage:
        if number := next(asked):
            change(number)
        size = min(size, most)
        return RowPage(rows[offset : offset + size], len(rows), -(-len(rows) // most))

    return [row for page in pages(fetch, str) for row in page]


@pytest.mark.parametrize("length", [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE - OVERLAP, 2 * SIZE, 1234])
@pytest.mark.parametrize("most", [SIZE, 40, 3])
def test_every_row_is_read(length: int, most: int) -> None:
    """Also from a host that gives fewer rows than it is asked for."""
    rows = list(range(length))
    assert sorted(set(read(rows, most=most))) == rows


@settings(max_examples=30)
@given(st.data())
def test_no_row_is_left_out_while_others_are_deleted_and_added(data: st.DataObject) -> None:
    """Rows that are there from the beginning to the end are read, as long as fewer than a page go at a time."""
    rows = list(range(data.draw(st.integers(0, 400))))
    stay = set(rows)

    def change(number: int) -> None:
        first, gone = data.draw(st.integers(0, 400)), data.draw(st.integers(0, SIZE - OVERLAP - 1))
        stay.difference_update(rows[first : first + gone])
        del rows[first : first + gone]
        rows.extend(range(10_000 * number, 10_000 * number + data.draw(st.integers(0, 30))))

    assert stay <= set(read(rows, change))


@pytest.mark.parametrize("length", [0, 1, OVERLAP, SIZE, 190, 250])
@pytest.mark.parametrize("most", [SIZE, 40, 3])
def test_a_list_without_counts_ends_where_nothing_new_comes(length: int, most: int) -> None:
    """A proxy that removes the headers with the counts leaves only the rows, of which a host may give fewer."""
    rows = list(range(length))

    def fetch(offset: int, size: int) -> RowPage:
        return RowPage(rows[offset : offset + min(size, most)], None, None)

    assert {row for page in pages(fetch, str) for row in page} == set(rows)


@pytest.mark.parametrize("hidden", [range(85, 100), range(80, 290), range(300), range(0, 300, 2), range(290, 300)])
def test_rows_that_the_host_counts_and_does_not_show(hidden: range) -> None:
    """A key that may not read some of the rows, or a plugin that hides them, leaves holes in the pages."""
    rows = list(range(300))

    def fetch(offset: int, size: int) -> RowPage:
        shown = [row for row in rows[offset : offset + size] if row not in hidden]
        return RowPage(shown, len(rows), -(-len(rows) // size))

    assert {row for page in pages(fetch, str) for row in page} == set(rows) - set(hidden)


@pytest.mark.parametrize("total", [0, 100, 150, 10_000])
def test_a_length_that_is_not_true_ends_nothing_early(total: int) -> None:
    """The count may come from a cache: a full page with new rows is not the last one."""
    rows = list(range(300))

    def fetch(offset: int, size: int) -> RowPage:
        return RowPage(rows[offset : offset + size], min(total, 400), -(-min(total, 400) // size))

    assert {row for page in pages(fetch, str) for row in page} == set(rows)


def test_pages_that_are_too_much_get_smaller() -> None:
    """A host that cannot answer for 100 orders at once may answer for 25; one that never does is an error."""
    rows = list(range(200))

    def fetch(offset: int, size: int) -> RowPage:
        if size > most:
            raise TooMuchError("api_unreachable", "504")
        return RowPage(rows[offset : offset + size], len(rows), -(-len(rows) // size))

    most = 25
    assert {row for page in pages(fetch, str) for row in page} == set(rows)
    most = 1
    with pytest.raises(TooMuchError):
        list(pages(fetch, str))


@pytest.mark.parametrize("total", [10_000, 10**12, None])
def test_a_pager_that_repeats_itself_is_stopped(total: int | None) -> None:
    """A host that ignores the offset gives the same rows for ever, and would look complete after enough of them."""
    with pytest.raises(SourceError, match="again and again") as stopped:
        list(pages(lambda _offset, _size: RowPage(list(range(SIZE)), total, 1), str))
    assert stopped.value.reason == "api_odd_answer"


def test_an_endless_pager_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that always has more is left after MOST_ROWS."""
    monkeypatch.setattr(paging, "MOST_ROWS", 2000)
    endless = pages(lambda offset, size: RowPage(range(offset, offset + size), 10**12, None), str)
    with pytest.raises(SourceError, match="more than") as stopped:
        for _ in endless:
            pass
    assert stopped.value.reason == "api_odd_answer"
