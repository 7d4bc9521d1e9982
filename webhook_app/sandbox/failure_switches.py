"""The trouble switches: how the imitation is told to be slow, to fail or to hang, the way a real service does."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

# Longer than any client's patience (5 s is usual), so that the caller never learns that the event was accepted.
HANG_SECONDS = 30
LONGEST_DELAY_MS = 60_000
LONGEST_RETRY_AFTER = 86_400
LONGEST_FORM_NUMBER = 9
FIRST_STATUS, LAST_STATUS = 300, 599

CHANCE = SystemRandom()


@dataclass(frozen=True, slots=True)
class FailureSettings:
    """What goes wrong with calls; the defaults are all off."""

    delay_ms: int = 0
    status: int = 0
    rate: float = 1.0
    retry_after: int = 0
    hang: bool = False

    @property
    def on(self) -> bool:
        """Whether any call is treated otherwise than by a well service."""
        return bool(self.delay_ms or self.status or self.hang)


OFF = FailureSettings()


def _off_or_failure(status: int) -> None:
    if status and not FIRST_STATUS <= status <= LAST_STATUS:
        raise ValidationError(f"Must be 0 (off) or a status from {FIRST_STATUS} to {LAST_STATUS}.")


def _whole(largest: int) -> fields.Integer:
    limits = validate.Range(0, largest, error=f"Must be from 0 to {largest}.")
    return fields.Integer(strict=True, validate=limits, error_messages={"invalid": "Must be a whole number."})


class FailureSettingsSchema(Schema):
    """A complete setting: a switch that is left out is off."""

    delay_ms = _whole(LONGEST_DELAY_MS)
    status = fields.Integer(
        strict=True, validate=_off_or_failure, error_messages={"invalid": "Must be a whole number."}
    )
    rate = fields.Float(
        validate=validate.Range(0, 1, error="Must be from 0 to 1."),
        error_messages={"invalid": "Must be a number.", "special": "Must be from 0 to 1."},
    )
    retry_after = _whole(LONGEST_RETRY_AFTER)
    hang = fields.Boolean(error_messages={"invalid": "Must be true or false."})

    @post_load
    def as_settings(self, found: dict[str, Any], **_kwargs: Any) -> FailureSettings:
        """Turn the checked values into the frozen setting."""
        return FailureSettings(**found)


SCHEMA = FailureSettingsSchema()


def read_switches(setting: Any) -> FailureSettings:
    """Return the switches that a parsed JSON document asks for; raise ValidationError with faults by name."""
    switches: FailureSettings = SCHEMA.load(setting)
    return switches


def numbers_of(form: Mapping[str, str]) -> dict[str, Any]:
    """Return a form's values as JSON would have them: whole numbers as such, empty fields left out."""
    return {name: _number_or_text(text.strip()) for name, text in form.items() if text.strip()}


def _number_or_text(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) <= LONGEST_FORM_NUMBER else text


class FailureSwitches:
    """The switches in force, shared by all threads of the imitation."""

    def __init__(self) -> None:
        self.switches = OFF
        self._changed = threading.Event()

    def set(self, switches: FailureSettings) -> None:
        """Put the switches in force and let go of every call that still waits under the former ones."""
        self.switches = switches
        former, self._changed = self._changed, threading.Event()
        former.set()

    def strikes(self) -> bool:
        """Decide whether this call fails."""
        return bool(self.switches.status) and CHANCE.random() < self.switches.rate

    def wait(self, seconds: float) -> None:
        """Hold the caller for so long, or until the switches change."""
        if seconds:
            self._changed.wait(seconds)
