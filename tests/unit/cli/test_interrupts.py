"""Ctrl-C in commands that follow something."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from webhook_app.cli.support.interrupts import stop_requested

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _handler() -> Iterator[None]:
    """Put back whatever handles SIGINT in the process of the tests."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_ctrl_c_is_a_request_and_the_second_interrupts() -> None:
    """The first is raised nowhere, so that no clean-up of a library can swallow it."""
    stop = stop_requested()
    assert not stop.is_set()
    signal.raise_signal(signal.SIGINT)
    assert stop.is_set()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
