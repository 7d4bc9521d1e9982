"""One test over a table of many cases: a table that would be thousands of tests costs no more than its checks."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


SHOWN = 10  # of the cases that fail, with their tracebacks
FAILURES = (Exception, pytest.fail.Exception)


def for_each(
    arguments: str, cases: Iterable[Any], ids: Callable[[Any], object] = repr
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call the test with each case; it fails with all cases that failed, each named by `ids`.

    Used like `pytest.mark.parametrize`, where a case costs less than a test's set-up. The cases share the fixtures.
    """
    names, table = [name.strip() for name in arguments.split(",")], list(cases)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def over_the_table(**fixtures: Any) -> None:
            assert table, "The table is empty."
            failures = []
            for case in table:
                values = case if len(names) > 1 else (case,)
                try:
                    test(**fixtures, **dict(zip(names, values, strict=True)))
                except FAILURES as failure:
                    failure.add_note(f"in the case {ids(case)}")
                    failures.append(failure)
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(table)} cases failed", failures[:SHOWN])

        signature = inspect.signature(test)
        others = [one for name, one in signature.parameters.items() if name not in names]
        over_the_table.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return over_the_table

    return decorate
