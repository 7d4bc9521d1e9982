"""Failure switches: make the sandbox slow, failing or hanging, as a real service can be."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

# Longer than the time-out of any client (usually 5 s), so that the caller does not learn that the event was accepted.
HANG_SECONDS = 30
LONGEST_DELAY_MS = 60_000
LONGEST_RETRY_AFTER = 86_400
LONGEST_FORM_NUMBER = 9
MOST_KEYS = 100  # instance keys with settings of their own
FIRST_STATUS, LAST_STATUS = 300, 599

CHANCE = SystemRandom()


@dataclass(frozen=True, slots=True)
class FailureSettings:
    """The failures that are switched on; the defaults are all off."""

    delay_ms: int = 0
    status: int = 0
    rate: float = 1.0
    retry_after: int = 0
    hang: bool = False

    @property
    def fails(self) -> bool:
        """Decide at random, at the rate, whether a call fails."""
        return bool(self.status) and CHANCE.random() < self.rate

    @property
    def on(self) -> bool:
        """Whether any failure is switched on."""
        return bool(self.delay_ms or self.status or self.hang)


OFF = FailureSettings()


def _off_or_failure(status: int) -> None:
    if status and not FIRST_STATUS <= status <= LAST_STATUS:
        raise ValidationError(f"Must be 0 (off) or a status from {FIRST_STATUS} to {LAST_STATUS}.")


def _whole(largest: int) -> fields.Integer:
    limits = validate.Range(0, largest, error=f"Must be from 0 to {largest}.")
    return fields.Integer(strict=True, validate=limits, error_messages={"invalid": "Must be a whole number."})


class FailureSettingsSchema(Schema):
    """A complete setting: a switch that is missing is off."""

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
        """Return the validated values as FailureSettings."""
        return FailureSettings(**found)


SCHEMA = FailureSettingsSchema()


def read_switches(setting: Any) -> FailureSettings:
    """Return the settings of a parsed JSON document; raises ValidationError with errors by name."""
    switches: FailureSettings = SCHEMA.load(setting)
    return switches


def numbers_of(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a form as JSON would have them: whole numbers as numbers, without empty fields."""
    return {name: _number_or_text(text.strip()) for name, text in form.items() if text.strip()}


def _number_or_text(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) <= LONGEST_FORM_NUMBER else text


class FailureSwitches:
    """The current settings of all instance keys and of single ones, shared by all threads of the sandbox."""

    def __init__(self) -> None:
        self.switches = OFF
        self.of_keys: dict[str, FailureSettings] = {}
        self._changed = threading.Event()

    @property
    def on(self) -> bool:
        """Whether any failure of any instance key is switched on."""
        return self.switches.on or any(one.on for one in self.of_keys.values())

    def of(self, instance_key: str) -> FailureSettings:
        """Return the settings of an instance key: its own, else those of all."""
        return self.of_keys.get(instance_key, self.switches)

    def set(self, switches: FailureSettings, instance_key: str = "") -> None:
        """Apply new settings, to one instance key or to all others, and release every call that waits.

        Only the newest of many instance keys have their own.
        """
        if not instance_key:
            self.switches = switches
        else:
            others = [(key, own) for key, own in self.of_keys.items() if key != instance_key]
            self.of_keys = dict([*others[1 - MOST_KEYS :], (instance_key, switches)])
        self._release()

    def clear(self, instance_key: str = "") -> None:
        """Remove the settings of one instance key, or all settings."""
        if instance_key:
            self.of_keys = {key: own for key, own in self.of_keys.items() if key != instance_key}
        else:
            self.switches, self.of_keys = OFF, {}
        self._release()

    def _release(self) -> None:
        former, self._changed = self._changed, threading.Event()
        former.set()

    def wait(self, seconds: float) -> None:
        """Block the caller for so long, or until the settings change."""
        if seconds:
            self._changed.wait(seconds)
