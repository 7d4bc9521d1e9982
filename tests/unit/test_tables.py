"""A test over a table fails with each case that fails, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.tables import SHOWN, for_each

if TYPE_CHECKING:
    from pathlib import Path


@for_each("number, text", [(1, "1"), (2, "2")])
def test_a_case_has_its_values_and_the_fixtures(tmp_path: Path, number: int, text: str) -> None:
    """The arguments are of the case, and the others are fixtures."""
    assert str(number) == text
    assert tmp_path.is_dir()


def test_every_case_that_fails_is_named() -> None:
    """A failure does not end the test before the other cases, and one that raises nothing where it must is another."""

    @for_each("divisor", [2, 0, 1, -1])
    def over(divisor: int) -> None:
        assert divisor >= 0
        with pytest.raises(ZeroDivisionError):
            assert 1 / divisor

    with pytest.raises(BaseExceptionGroup, match="3 of 4 cases failed") as group:
        over()
    assert [one.__notes__ for one in group.value.exceptions] == [[f"in the case {number}"] for number in (2, 1, -1)]


def test_many_failures_are_counted() -> None:
    """Some of them are shown."""

    @for_each("number", range(1000))
    def over(number: int) -> None:
        assert number < 0

    with pytest.raises(BaseExceptionGroup, match="1000 of 1000 cases failed") as group:
        over()
    assert len(group.value.exceptions) == SHOWN


def test_an_empty_table_fails() -> None:
    """A law over nothing checks nothing."""

    @for_each("number", [])
    def over(number: int) -> None:
        assert number

    with pytest.raises(AssertionError, match="empty"):
        over()
