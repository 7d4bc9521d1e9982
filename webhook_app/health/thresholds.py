"""Every limit beyond which something is wrong, in one place. Durations of settings are seconds, others milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from webhook_app.inbox import presence
from webhook_app.time_units import DAY, HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings

PROCESS_MISSING = presence.MISSING  # without a sign of it, after which a process no longer runs
# Free space on a disk, in MB.
DISK_ERROR, DISK_WARNING = 100, 1000
OVERDUE_AFTER = MINUTE  # that a due event may wait for a worker
PERSISTENT = 3  # times in a row that a breaker opened; a shorter failure is no error
SIGNATURE_PERIOD = 2 * HOUR  # in which refused webhooks are counted
FEW_REFUSALS = 3  # refused webhooks, while none is accepted, that are a warning
# Refused webhooks are a warning when that many genuine ones in a row, at the usual rate, are missing, or after two
# minutes; an error when that cannot be chance.
MISSED, MISSED_SURELY = 3, 9
SHORTEST_GAP, SHORTEST_SURE_GAP, LONGEST_GAP = MINUTE, 2 * MINUTE, 10 * MINUTE
SPIKE = 5  # times the usual number of signature failures
RECENTLY = 10 * MINUTE  # what was last seen longer ago is over
WIPED_WITHIN = 14 * DAY  # in which bodies of dead deliveries will be wiped
DIED_WITHIN = HOUR  # in which a delivery was given up for an alert
USUAL_DAYS, USUAL_HOURS = 4, 8  # in which a topic must have been received before its silence is a problem
LONGER = 1.5  # times the longest silence of the last two weeks
ACCOUNTED = 0.999  # share of a day's deliveries that must be delivered or ignored
FEWEST = 100  # deliveries in a day; with fewer, a share of 0.999 has no meaning
SHOP_SILENT_AFTER = 7 * DAY  # without any event of a shop
CLOCK_WARNING, CLOCK_ERROR = 5 * SECOND, 60 * SECOND  # timestamps of signed webhooks may be 90 to 300 seconds off
UPGRADED_WITHIN = 15 * MINUTE  # since the newest version started: older ones may still run until then
ERASURE_ERROR = DAY  # since content should be in no file any more
COMPARISON_STALE = 2 * HOUR  # without a complete comparison
SHORTEST_SECRET = 16  # characters
FOLDED_FROM = 3  # findings of different shops with the same cause that are shown as one


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits that settings change: two in seconds, and the number of signature failures in two hours."""

    older_than: float = 900
    silent_for: float = 86_400
    refusals: int = 20

    @classmethod
    def configured(cls, config: Settings) -> Self:
        """Return the limits of the settings."""
        return cls(config.alert_older_than, config.alert_silent_for, config.alert_refusals)
