"""Events are values."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from schemas import events

VALUES = [each for _, each in inspect.getmembers(events, dataclasses.is_dataclass)]


@pytest.mark.parametrize("event", VALUES)
def test_events_are_immutable(event: type) -> None:
    """No attribute can be changed, and none can be added."""
    first, *_ = dataclasses.fields(event)
    value = event(**{field.name: None for field in dataclasses.fields(event)})
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, first.name, "changed")
    assert not hasattr(value, "__dict__")


def test_a_visitor_may_be_unknown() -> None:
    """Nothing of a visitor is required."""
    assert events.Visitor() == events.Visitor({}, None, None, None, None)


def test_a_redaction_of_a_whole_shop() -> None:
    """Only the domain is required."""
    assert events.Redaction("a.example") == events.Redaction("a.example", None, frozenset(), frozenset())


def test_payments_are_in_order() -> None:
    """A shop that counts placed orders counts paid ones too."""
    assert events.Payment.PLACED < events.Payment.PAID


def test_a_reason_is_stored_as_its_code() -> None:
    """A reason is text: its code, and not its label."""
    assert (f"{events.Reason.NO_PROFILE}", events.Reason.NO_PROFILE.label) == ("no_profile", "No profile key")
