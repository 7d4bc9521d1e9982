"""Deliveries as values: new, claimed, settled, stored. Times are milliseconds since 1970 UTC."""

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
    """A verified webhook that is to be stored; `received_at` is set where it arrived earlier than it is stored.

    It is a duplicate of a delivery of its shop with the same `identity`, or with `former_identity` as identity.
    """

    shop: str
    platform: str
    topic: str
    identity: str
    domain: str
    headers: Mapping[str, str]
    body: bytes
    received_at: int | None = None
    former_identity: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """The unfinished deliveries of a shop: `due_at` is when the first may be claimed, 0 for immediately."""

    shop: str
    due_at: int


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The number of a stored delivery, and whether it was stored before.

    `spooled`: it is on this machine's disk until the database is back, and gets another number then.
    """

    id: int
    duplicate: bool
    spooled: bool = False

    @property
    def status(self) -> str:
        """`stored`, `duplicate` or `spooled`."""
        return "spooled" if self.spooled else "duplicate" if self.duplicate else "stored"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claimed delivery, leased until `due_at`; `claims` is the lease's fencing token, `body` is None once wiped.

    `domain` is the sender's address as the platform wrote it, "" if not given.
    """

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
    replayed_at: int | None = None
    domain: str = ""
    ready_at: int | None = None

    @property
    def waits_since(self) -> int:
        """When its age begins: when it was replayed last, or else received; not before it may be sent."""
        return max(self.replayed_at or self.received_at, self.ready_at or 0)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of a claimed delivery.

    `retry_in` is in seconds, or `retry_at` in milliseconds since 1970, for WAITING alone. `attempted`: a call was sent,
    which took `took` milliseconds and ended in the class `failure`, "" on success. `key` is the business key of an
    order for which this delivery sends no call, `order_name` the number or name of its order, "" if it has none, None
    if the body was not read. `ready_at` is until when it is not to be sent, where that is not in the call.
    `keeps_key`: this delivery is dead, but Tweakwise may have its order. `wipes`: the body is deleted immediately.
    """

    delivery: Delivery
    state: State
    reason: str = ""
    detail: str = ""
    retry_in: float = 0.0
    retry_at: int | None = None
    attempted: bool = False
    took: int = 0
    failure: str = ""
    answer: str | None = None
    call: Call | None = None
    key: str | None = None
    order_name: str | None = None
    keeps_key: bool = False
    wipes: bool = False
    ready_at: int | None = None

    def __post_init__(self) -> None:
        """Refuse a state that settling cannot lead to; raises ValueError."""
        if self.state not in SETTLED:
            raise ValueError(f"a delivery cannot be settled as {self.state}")


@dataclass(frozen=True, slots=True)
class Row:
    """A stored delivery without its body; `call` is the JSON text that was sent, None before.

    `order_name` is the number or name of its order, "" if it has none, None if its body was not read yet.
    """

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
    replayed_at: int | None = None
    order_name: str | None = None
    ready_at: int | None = None

    @property
    def waits_since(self) -> int:
        """When its age begins: when it was replayed last, or else received; not before it may be sent."""
        return max(self.replayed_at or self.received_at, self.ready_at or 0)
