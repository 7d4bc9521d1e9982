"""The states of a delivery and the transitions between them: the source of the diagram in docs/architecture.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The state of a delivery."""

    RECEIVED = "received"  # stored, not claimed yet
    DELIVERING = "delivering"  # leased to a worker
    WAITING = "waiting"  # an attempt failed, the next one is due later
    DELIVERED = "delivered"  # Tweakwise has it
    IGNORED = "ignored"  # not to be sent, for a named reason
    DEAD = "dead"  # given up for a named reason; needs attention, can be replayed


class Verb(StrEnum):
    """An operation that changes the state of deliveries."""

    CLAIM = "claim"
    SETTLE = "settle"
    RELEASE = "release"
    REPLAY = "replay"
    DISCARD = "discard"
    REDACT = "redact"


@dataclass(frozen=True, slots=True)
class Transition:
    """An allowed change of state."""

    source: State
    verb: Verb
    target: State
    about: str


TRANSITIONS = (
    Transition(State.RECEIVED, Verb.CLAIM, State.DELIVERING, "leased to a worker"),
    Transition(State.WAITING, Verb.CLAIM, State.DELIVERING, "its retry is due"),
    Transition(State.DELIVERING, Verb.CLAIM, State.DELIVERING, "the lease expired"),
    Transition(State.DELIVERING, Verb.SETTLE, State.DELIVERED, "any 2xx"),
    Transition(State.DELIVERING, Verb.SETTLE, State.IGNORED, "not to be sent"),
    Transition(State.DELIVERING, Verb.SETTLE, State.WAITING, "retry later"),
    Transition(State.DELIVERING, Verb.SETTLE, State.DEAD, "refused or given up"),
    Transition(State.DELIVERING, Verb.RELEASE, State.RECEIVED, "given back unsent"),
    Transition(State.DEAD, Verb.REPLAY, State.RECEIVED, "manually"),
    Transition(State.IGNORED, Verb.REPLAY, State.RECEIVED, "manually"),
    Transition(State.DEAD, Verb.DISCARD, State.IGNORED, "manually"),
    Transition(State.WAITING, Verb.DISCARD, State.IGNORED, "manually"),
    Transition(State.RECEIVED, Verb.DISCARD, State.IGNORED, "manually"),
    Transition(State.RECEIVED, Verb.REDACT, State.IGNORED, "privacy request"),
    Transition(State.WAITING, Verb.REDACT, State.IGNORED, "privacy request"),
    Transition(State.DELIVERING, Verb.REDACT, State.IGNORED, "privacy request"),
    Transition(State.DEAD, Verb.REDACT, State.IGNORED, "privacy request"),
)


def sources(verb: Verb) -> tuple[State, ...]:
    """Return the states that `verb` may start from."""
    return tuple(dict.fromkeys(transition.source for transition in TRANSITIONS if transition.verb is verb))


def targets(verb: Verb) -> tuple[State, ...]:
    """Return the states that `verb` may lead to."""
    return tuple(dict.fromkeys(transition.target for transition in TRANSITIONS if transition.verb is verb))
