"""The cause of each reason of a dead delivery."""

from __future__ import annotations

import pytest

from webhook_app.delivery.causes import TITLES, Cause, DeadReason, cause_of


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("translation_error", Cause.RECEIVER),
        ("poisoned", Cause.RECEIVER),
        ("gave_up_http_503", Cause.TWEAKWISE),
        ("gave_up_dns", Cause.TWEAKWISE),
        ("parked_timeout", Cause.TWEAKWISE),
        ("http_501", Cause.TWEAKWISE),
        ("http_422", Cause.DATA),
        ("unreadable", Cause.DATA),
        ("", None),
        ("draft", None),
    ],
)
def test_cause_of_a_reason(reason: str, cause: Cause | None) -> None:
    """A reason is assigned by its prefix; other texts have no cause."""
    assert cause_of(reason) is cause


@pytest.mark.parametrize("reason", DeadReason)
def test_every_reason_of_the_worker_has_a_cause(reason: DeadReason) -> None:
    """A dead delivery is always found by its cause."""
    assert cause_of(reason) in TITLES


def test_values_of_the_option() -> None:
    """`--fault` takes these."""
    assert [cause.value for cause in Cause] == ["ours", "theirs", "data"]
