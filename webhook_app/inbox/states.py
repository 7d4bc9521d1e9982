"""The states of a delivery and the only ways between them; the diagram in docs/architecture.md is drawn from here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a delivery stands."""

    RECEIVED = "received"  # stored, its turn will come
    DELIVERING = "delivering"  # leased to a worker
    WAITING = "waiting"  # an attempt failed, another one is due later
    DELIVERED = "delivered"  # Tweakwise has it
    IGNORED = "ignored"  # not an event to send, for a named reason
    DEAD = "dead"  # given up for a named reason; a person may replay it


class Verb(StrEnum):
    """What moves a delivery from one state to another."""

    CLAIM = "claim"
    SETTLE = "settle"
    RELEASE = "release"
    REPLAY = "replay"
    DISCARD = "discard"
    REDACT = "redact"


@dataclass(frozen=True, slots=True)
class Transition:
    """One way between two states."""

    source: State
    verb: Verb
    target: State
    about: str


TRANSITIONS = (
    Transition(State.RECEIVED, Verb.CLAIM, State.DELIVERING, "a worker takes it"),
    Transition(State.WAITING, Verb.CLAIM, State.DELIVERING, "its retry is due"),
    Transition(State.DELIVERING, Verb.CLAIM, State.DELIVERING, "the lease ran out"),
    Transition(State.DELIVERING, Verb.SETTLE, State.DELIVERED, "any 2xx"),
    Transition(State.DELIVERING, Verb.SETTLE, State.IGNORED, "no event, by name"),
    Transition(State.DELIVERING, Verb.SETTLE, State.WAITING, "worth a retry"),
    Transition(State.DELIVERING, Verb.SETTLE, State.DEAD, "refused or given up"),
    Transition(State.DELIVERING, Verb.RELEASE, State.RECEIVED, "not sent after all"),
    Transition(State.DEAD, Verb.REPLAY, State.RECEIVED, "a person asks"),
    Transition(State.IGNORED, Verb.REPLAY, State.RECEIVED, "a person asks"),
    Transition(State.DEAD, Verb.DISCARD, State.IGNORED, "a person gives it up"),
    Transition(State.WAITING, Verb.DISCARD, State.IGNORED, "a person gives it up"),
    Transition(State.RECEIVED, Verb.DISCARD, State.IGNORED, "a person gives it up"),
    Transition(State.RECEIVED, Verb.REDACT, State.IGNORED, "wiped by law"),
    Transition(State.WAITING, Verb.REDACT, State.IGNORED, "wiped by law"),
    Transition(State.DELIVERING, Verb.REDACT, State.IGNORED, "wiped by law"),
    Transition(State.DEAD, Verb.REDACT, State.IGNORED, "wiped by law"),
)


def sources(verb: Verb) -> tuple[State, ...]:
    """Return the states that `verb` may start from."""
    return tuple(dict.fromkeys(way.source for way in TRANSITIONS if way.verb is verb))


def targets(verb: Verb) -> tuple[State, ...]:
    """Return the states that `verb` may lead to."""
    return tuple(dict.fromkeys(way.target for way in TRANSITIONS if way.verb is verb))
