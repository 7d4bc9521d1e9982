"""The time of a database server between two transactions."""

from __future__ import annotations

from typing import Any

from webhook_app.time_units import now_ms, uptime

CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


class ServerClock:
    """Continues the time that the server showed last; before the first time it is this machine's."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._read: tuple[int, float] | None = None

    def read(self, driver: Any, statements: str) -> int:
        """Execute statements of which CLOCK is the last, on a driver's connection, and return the server's time."""
        cursor = driver.cursor()
        cursor.execute(statements)
        while cursor.nextset():
            pass
        now = int(cursor.fetchone()[0])
        self._read = now, uptime()
        return now

    def __call__(self) -> int:
        """Return the server's time in milliseconds since 1970 UTC."""
        if self._read is None:
            return now_ms()
        now, since = self._read
        return now + int(1000 * (uptime() - since))
