"""How figures and times are written on the pages."""

from __future__ import annotations

from datetime import UTC, datetime

from webhook_app.time_units import DAY, HOUR, MINUTE, SECOND

NOTHING = "\N{EN DASH}"
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))


def moment(milliseconds: int | None) -> str:
    """Write a time as 2026-11-27 09:30:00, in UTC; "" for none."""
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def exact(milliseconds: int) -> str:
    """Write a time with its milliseconds."""
    return f"{moment(milliseconds)}.{milliseconds % SECOND:03d}"


def iso(milliseconds: int) -> str:
    """Write a time for machines, in ISO 8601."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def lasting(milliseconds: float | None) -> str:
    """Write a span of time in its two largest units: 1 d 2 h, 3 min 20 s, 1.4 s, 85 ms."""
    if milliseconds is None:
        return NOTHING
    whole = max(int(milliseconds), 0)
    if whole < SECOND:
        return f"{whole} ms"
    if whole < 10 * SECOND:
        return f"{milliseconds / SECOND:.1f} s"
    parts: list[str] = []
    for size, name in UNITS:
        if (count := whole // size) or parts:
            parts.append(f"{count} {name}" if count else "")
            whole -= count * size
        if len(parts) == 2:  # noqa: PLR2004 - the two largest
            break
    return " ".join(part for part in parts if part)


def number(count: int) -> str:
    """Write a count with thin spaces between thousands."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def percent(share: float | None) -> str:
    """Write a share (0 to 1); one that is not whole never reads as 100 %, nor one of something as 0 %."""
    if share is None:
        return NOTHING
    shown = f"{share * 100:.2f}"
    if shown == "100.00" and share < 1:
        shown = "99.99"
    return f"{'100' if share == 1 else shown} %"
