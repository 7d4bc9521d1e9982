"""What a source is: a value that opens a connection to a shop's API, and what such a connection can do."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app.platforms.base import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from webhook_app.config.shops import Shop

USUAL_RATE = 3.0  # requests a second
LONGEST_IDENTITY = 128  # characters, as in the table
LONGEST = {"id": 128, "name": 64, "changed_at": 64, "currency": 8}  # characters of an order's texts


@dataclass(frozen=True, slots=True)
class Window:
    """Orders that changed, or were placed, since a time of the platform's clock, in milliseconds since 1970 UTC.

    `until` limits a window of orders by when they were placed; one by changes is always open.
    """

    since: int
    until: int | None = None
    by_change: bool = False

    def includes(self, placed_at: int) -> bool:
        """Return whether an order that was placed then is in the window, if it goes by that."""
        return self.since <= placed_at and (self.until is None or placed_at < self.until)


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order as the API gives it; its body is made only where it is needed, since most orders are known.

    `placed_at` and `changed` are in milliseconds since 1970 UTC, `changed_at` is the latter as the platform writes it.
    """

    id: str
    name: str
    placed_at: int
    changed: int
    changed_at: str
    currency: str
    make_body: Callable[[], bytes]

    def __post_init__(self) -> None:
        """Cut the texts to what can be stored: an odd order never stops the comparison of the others."""
        for name, longest in LONGEST.items():
            object.__setattr__(self, name, storable(getattr(self, name), longest))

    @property
    def body(self) -> bytes:
        """What a webhook about it would have, as far as it is needed."""
        return self.make_body()

    @property
    def identity(self) -> str:
        """The identity of the delivery that stands for this state of the order."""
        whole = f"backfill:{self.id}:{self.changed_at}"
        return whole if len(whole) <= LONGEST_IDENTITY else f"backfill:{hashlib.sha256(whole.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class PlatformWebhook:
    """A webhook as the platform lists it; `status` is its word, `was_disabled` that no person chose it."""

    id: str
    topic: str
    url: str
    status: str
    is_active: bool
    was_disabled: bool = False


@dataclass(frozen=True, slots=True)
class AccessReport:
    """Whether the credentials work: `problems` are sentences with what to change, `notes` further remarks.

    `warnings` are sentences about settings of the platform that harm the shop, with what to change.
    """

    problems: Sequence[str] = ()
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Connection(ABC):
    """A shop's API as one thread uses it. Every method asks the platform, and raises SourceError."""

    @abstractmethod
    def now(self) -> int:
        """Return the time of the platform's clock, in milliseconds since 1970 UTC."""

    @abstractmethod
    def pages(self, window: Window) -> Iterator[Sequence[ListedOrder]]:
        """Yield the orders of a window, in pages; one that changes meanwhile may come twice, and none is left out."""

    @abstractmethod
    def order(self, name: str) -> ListedOrder | None:
        """Return one order by its id, number or name; None if there is none."""

    @abstractmethod
    def access(self) -> AccessReport:
        """Report whether the credentials work and suffice."""

    @abstractmethod
    def webhooks(self) -> Sequence[PlatformWebhook]:
        """Return the webhooks that the API shows, of any address."""

    @abstractmethod
    def create_webhook(self, topic: str, url: str, secret: str) -> PlatformWebhook:
        """Create a webhook that is active."""

    @abstractmethod
    def repair_webhook(self, webhook: PlatformWebhook, url: str | None = None, secret: str | None = None) -> None:
        """Enable a webhook, and set its address and its secret where they are given."""


@dataclass(frozen=True, slots=True)
class Source:
    """How one platform's API is used.

    `connect` opens a connection for a shop that has `api`, at so many requests a second, without asking anything yet.
    `lists_changes` is whether windows may go by time of change; `webhook_notes` say what the API does not show.
    """

    platform: str
    connect: Callable[[Shop, float], Connection]
    lists_changes: bool = True
    webhook_notes: tuple[str, ...] = ()
