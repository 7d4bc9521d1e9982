"""How durations, points in time, numbers and shares are written, on pages, in commands and in alerts."""

from __future__ import annotations

from datetime import UTC, datetime

from webhook_app.time_units import DAY, HOUR, MINUTE, SECOND

NOTHING = "\N{EN DASH}"  # where there is no value
EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_000  # of a datetime: the years 1 and 9999
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))


def duration(milliseconds: float | None) -> str:
    """Write a duration in its two largest units: 1 d 2 h, 3 min 20 s, 1.4 s, 85 ms."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < SECOND:
        return f"{max(int(milliseconds), 0)} ms"
    if milliseconds < 10 * SECOND:
        return f"{milliseconds / SECOND:.1f} s"
    return _in_two_units(int(milliseconds))


def _in_two_units(milliseconds: int) -> str:
    first = next(index for index, (size, _) in enumerate(UNITS) if milliseconds >= size)
    counts: list[str] = []
    for size, unit in UNITS[first : first + 2]:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            counts.append(f"{count} {unit}")
    return " ".join(counts)


def timestamp(milliseconds: int | None) -> str:
    """Write a point in time (milliseconds since 1970 UTC) in ISO 8601, 2026-11-27T09:30:00Z; "" for None."""
    if milliseconds is None:
        return ""
    return _utc(milliseconds).isoformat(timespec="seconds").replace("+00:00", "Z")


def date_and_time(milliseconds: int | None, *, exact: bool = False) -> str:
    """Write a point in time in UTC for a page: 2026-11-27 09:30:00, `exact` with its milliseconds; "" for None."""
    if milliseconds is None:
        return ""
    fraction = f".{milliseconds % SECOND:03d}" if exact else ""
    return f"{_utc(milliseconds):%Y-%m-%d %H:%M:%S}{fraction}"


def time_of_day(milliseconds: int) -> str:
    """Write the time of day of a point in time in UTC: 09:30:00."""
    return f"{_utc(milliseconds):%H:%M:%S}"


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(min(max(milliseconds, EARLIEST), LATEST) / SECOND, UTC)


def number(count: int) -> str:
    """Write a number with narrow spaces between thousands."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def percent(share: float | None, digits: int = 2) -> str:
    """Write a share between 0 and 1. Only exactly 1 is written as 100 %, and only exactly 0 as 0 %."""
    if share is None:
        return NOTHING
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    least = 10**-digits
    return f"{min(max(share * 100, least), 100 - least):.{digits}f} %"


def counted(count: int, singular: str, plural: str = "") -> str:
    """Write a count with its noun: 1 warning, 2 warnings, 3 deliveries (with `plural`, where that is not +s)."""
    return f"{count} {singular if count == 1 else plural or f'{singular}s'}"
