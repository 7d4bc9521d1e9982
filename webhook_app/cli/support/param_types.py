"""Types of options: a duration, and a point in time."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook_app.time_units import DAY, HOUR, MINUTE, SECOND, now_ms

if TYPE_CHECKING:
    from click import Context, Parameter

DURATION = re.compile(r"(\d{1,6})\s*([smhdw])")
UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


DELIVERY_NUMBER = click.IntRange(0, 2**63 - 1)  # what a database can hold


class Duration(click.ParamType[int]):
    """A duration such as 24h, in milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> int:
        """Parse `value`, or fail with examples."""
        found = DURATION.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value!r} is not a duration; write for example 15m, 24h or 7d.", param, ctx)
        return int(found[1]) * UNITS[found[2]]


class SecretText(click.ParamType[str]):
    """A secret, or where it is: `@file`, or `-` for a line of stdin. Every user of a machine sees its command lines."""

    name = "secret"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> str:
        """Read it; what is neither is the secret itself."""
        if value == "-":
            return sys.stdin.readline().strip()
        if not str(value).startswith("@"):
            return str(value)
        try:
            return Path(value[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value[1:]} cannot be read ({type(error).__name__}).", param, ctx)


class PointInTime(click.ParamType[int]):
    """A time in ISO 8601 (UTC where it has no offset), or how long ago, in milliseconds since 1970 UTC."""

    name = "time"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> int:
        """Parse `value`, or fail with examples."""
        if DURATION.fullmatch(str(value).strip()):
            return now_ms() - Duration().convert(value, param, ctx)
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            examples = "2026-11-27, 2026-11-27T09:30:00Z, or 24h for 24 hours ago"
            self.fail(f"{value!r} is not a time; write for example {examples}.", param, ctx)
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * SECOND)
