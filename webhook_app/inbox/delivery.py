"""What goes into the inbox and what comes out of it, as values. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app.inbox.states import Verb, targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.inbox.states import State
    from webhook_app.tweakwise.call import Call

SETTLED = frozenset(targets(Verb.SETTLE))


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A proven request, to be kept; `received_at` is set where it came at another time than it is kept."""

    shop: str
    platform: str
    topic: str
    identity: str
    domain: str
    headers: Mapping[str, str]
    body: bytes
    received_at: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """What a shop has unfinished: `due_at` is when the first of it may be claimed, 0 at once."""

    shop: str
    due_at: int


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The number under which an arrival is stored, and whether it was there before.

    `spooled`: it is stored on this machine until the database is back, and will get another number then.
    """

    id: int
    duplicate: bool
    spooled: bool = False

    @property
    def status(self) -> str:
        """The word for it."""
        return "spooled" if self.spooled else "duplicate" if self.duplicate else "stored"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claimed delivery. `body` is None when it was wiped; `claims` proves whose lease it is until `due_at`."""

    id: int
    shop: str
    platform: str
    topic: str
    received_at: int
    due_at: int
    claims: int
    lapses: int
    attempts: int
    first_attempt_at: int | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claimed delivery.

    `retry_in` is in seconds, for WAITING alone; `attempted` says that a call went out, which took `took` milliseconds
    and ended in `failure`, "" when it succeeded; `key` is the business key of one that another delivery counts;
    `keeps_key` says that the order may be at Tweakwise although this delivery is dead; `wipes` that the body must go
    at once.
    """

    delivery: Delivery
    state: State
    reason: str = ""
    detail: str = ""
    retry_in: float = 0.0
    attempted: bool = False
    took: int = 0
    failure: str = ""
    answer: str | None = None
    call: Call | None = None
    key: str | None = None
    keeps_key: bool = False
    wipes: bool = False

    def __post_init__(self) -> None:
        """Refuse a state that no transition leads to; raises ValueError."""
        if self.state not in SETTLED:
            raise ValueError(f"no delivery settles as {self.state}")


@dataclass(frozen=True, slots=True)
class Row:
    """A stored delivery as the command line shows it; `call` is the JSON text that was sent, None before."""

    id: int
    shop: str
    platform: str
    topic: str
    identity: str
    domain: str
    received_at: int
    state: str
    reason: str
    detail: str
    due_at: int | None
    claims: int
    attempts: int
    first_attempt_at: int | None
    settled_at: int | None
    business_key: str | None
    event: str | None
    call: str | None
    answer: str | None
    took: int | None
