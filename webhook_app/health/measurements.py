"""What the checks read: figures of the inbox and of this process at one moment. Times are milliseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhook_app.health.thresholds import Thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.engines.database import WriteFault
    from webhook_app.inbox.presence import Process
    from webhook_app.inbox.reports.backlog import Backlog, ShopCount
    from webhook_app.inbox.shop_records.reconciliations import ReconciliationState
    from webhook_app.platforms.base import Platform
    from webhook_app.throttling.state import Scope, ThrottleState

    Totals = Mapping[tuple[str, str], int]  # by shop and name


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Whether the database can be used: `failure` is why it does not answer, `fault` what its schema lacks.

    `write_fault` is why a server that can be read stores nothing.
    """

    engine: str = ""
    revision: str = ""
    newer: str = ""  # its revision, where a newer version made it
    exists: bool = True
    failure: str = ""
    fault: str = ""
    warnings: Sequence[str] = ()
    write_fault: WriteFault = ""
    clock_skew: int = 0  # milliseconds that this machine's clock is ahead of the database's

    @property
    def is_usable(self) -> bool:
        """Whether the inbox can be read."""
        return self.exists and not self.failure and not self.fault


@dataclass(frozen=True, slots=True)
class DiskStatus:
    """The disk of a file (`what`: inbox, spool): `failure` is why nothing can be written, `free` is in MB."""

    what: str
    folder: str
    free: int = 0
    failure: str = ""
    is_full: bool = False
    is_ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class SilentTopic:
    """A topic that has not been received for a while: when it last was, and in which hours of the two weeks before."""

    shop: str
    topic: str
    last_at: int
    hours: Sequence[int]


@dataclass(frozen=True, slots=True)
class Measurements:
    """The input of the checks. What needs the database is empty while it does not answer.

    `refused` and `usually_refused` count refused webhooks by shop and reason, in the last two hours and, of signature
    failures, in an average two hours; `accepted` and `usually_accepted` count deliveries by shop in the same way.
    `last_refused` and `last_accepted` are when the last one arrived, the latter by shop and topic. `arrived` and
    `missing` count deliveries by shop on a day that ended an hour ago: all, and those neither delivered nor ignored.
    `configuration_faults` are those of files that changed since the process started.
    `exposed_file` holds secrets and can be read by other users. `expiring` dead deliveries lose their body within
    `expiring_within` milliseconds. `overdue` is for how long an event has been due, by shop. `version` is that
    of the process that measures. `erasing` is since when erased content should be in no file any more, by shop.
    `muted` is until when each muted finding is, by name, None for until it is over.
    """

    now: int
    thresholds: Thresholds = field(default_factory=Thresholds)
    shops: Mapping[str, Shop] = field(default_factory=dict)
    platforms: Mapping[str, Platform] = field(default_factory=dict)
    tweakwise_url: str = ""
    exposed_file: str = ""
    configuration_faults: Sequence[str] = ()
    database: DatabaseStatus = field(default_factory=DatabaseStatus)
    disks: Sequence[DiskStatus] = ()
    spooled: int = 0
    backlogs: Sequence[Backlog] = ()
    throttles: Mapping[Scope, ThrottleState] = field(default_factory=dict)
    dead: Mapping[str, int] = field(default_factory=dict)
    died: Sequence[ShopCount] = ()
    expiring: int = 0
    expiring_within: float = 0
    lapsed: Sequence[ShopCount] = ()
    overdue: Mapping[str, int] = field(default_factory=dict)
    worker_runs: bool = True
    version: str = ""
    processes: Sequence[Process] = ()
    last_migration: Process | None = None
    erasing: Mapping[str, int] = field(default_factory=dict)
    refused: Totals = field(default_factory=dict)
    usually_refused: Mapping[tuple[str, str], float] = field(default_factory=dict)
    last_refused: Totals = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)
    usually_accepted: Mapping[str, float] = field(default_factory=dict)
    last_accepted: Totals = field(default_factory=dict)
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    silent: Sequence[SilentTopic] = ()
    arrived: Mapping[str, int] = field(default_factory=dict)
    missing: Sequence[ShopCount] = ()
    reconciliations: Sequence[ReconciliationState] = ()
    muted: Mapping[str, int | None] = field(default_factory=dict)

    def last_accepted_of(self, shop: str) -> int | None:
        """Return when the last webhook of a shop was accepted."""
        return max((at for (name, _), at in self.last_accepted.items() if name == shop), default=None)
