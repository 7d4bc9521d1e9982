"""Gauges of the machine on which a process runs, which exist also while the database does not answer."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhook_app.config.validators import SQLITE
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import spool
from webhook_app.observability.gauges import Gauge, family_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.config.settings import Settings


@dataclass(frozen=True, slots=True)
class MachineSnapshot:
    """What one scrape reads: the disks of the inbox and of the spool, and how many deliveries are spooled."""

    disks: Mapping[str, Any]
    spooled: int | None


MACHINE_GAUGES: tuple[Gauge[MachineSnapshot], ...] = (
    Gauge(
        "disk_free_bytes",
        "Free space on the disk of the inbox (SQLite) or of the spool.",
        ("of",),
        lambda machine: {(of,): disk.free for of, disk in machine.disks.items()},
    ),
    Gauge(
        "disk_size_bytes",
        "Size of that disk.",
        ("of",),
        lambda machine: {(of,): disk.total for of, disk in machine.disks.items()},
    ),
    Gauge(
        "spooled",
        "Deliveries in the spool of this machine, which wait for the database.",
        (),
        lambda machine: {} if machine.spooled is None else {(): machine.spooled},
    ),
)


class MachineCollector:
    """Collects them for prometheus_client. What cannot be read has no value."""

    def __init__(self, config: Settings) -> None:
        """Nothing is read before a scrape."""
        url = config.database_url
        paths = {"inbox": url.removeprefix(SQLITE) if url.startswith(SQLITE) else None, "spool": config.spool}
        self._paths = {of: path for of, path in paths.items() if path}

    def collect(self) -> Iterator[Any]:
        """Yield every gauge with its values at this moment."""
        snapshot = MachineSnapshot(_disks(self._paths), _spooled(self._paths.get("spool")))
        for gauge in MACHINE_GAUGES:
            yield family_of(gauge, gauge.read(snapshot))


def _disks(paths: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for of, path in paths.items():
        with suppress(OSError):  # also where a folder may not be searched
            folder = next(folder for folder in Path(path).absolute().parents if folder.exists())
            found[of] = shutil.disk_usage(folder)
    return found


def _spooled(path: str | None) -> int | None:
    with suppress(StoreUnavailableError):
        return spool.count(path) if path else None
    return None
