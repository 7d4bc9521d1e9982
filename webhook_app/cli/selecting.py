"""How deliveries are named on the command line: the same options for every command that takes more than one."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from webhook_app.delivery.causes import REASON_PREFIXES, Cause
from webhook_app.inbox import Selection, State
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from click import Context, Parameter

AGE = re.compile(r"(\d{1,6})\s*([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Age(click.ParamType[int]):
    """A span of time such as 24h, in milliseconds."""

    name = "age"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> int:
        """Read `value`, or fail with what would have been right."""
        found = AGE.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value!r} is no span of time; write 15m, 24h or 7d.", param, ctx)
        return int(timedelta(**{UNITS[found[2]]: int(found[1])}) / timedelta(milliseconds=1))


class Moment(click.ParamType[int]):
    """A time in ISO 8601 (UTC unless it says otherwise), or how long ago, in milliseconds since 1970 UTC."""

    name = "time"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> int:
        """Read `value`, or fail with what would have been right."""
        if AGE.fullmatch(str(value).strip()):
            return now_ms() - Age().convert(value, param, ctx)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-11-27, 2026-11-27T09:30:00Z, or an age like 24h.", param, ctx)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def selecting(states: Iterable[State] = State) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that select deliveries, and call it with the `selection` they make."""
    named = click.Choice([state.value for state in states])
    options = [
        click.option("--shop", help="Only this shop's."),
        click.option("--topic", help="Only of this topic, in the platform's own words."),
        click.option("--state", "states", type=named, multiple=True, help="Repeatable."),
        click.option("--reason", help="For example no_profile; docs/reasons.md lists them."),
        click.option(
            "--fault", type=click.Choice([fault.value for fault in Cause]), help="Dead ones, by who can mend it."
        ),
        click.option("--since", type=Moment(), help="Received since then: 2026-11-27T09:30:00Z, or 24h ago."),
        click.option("--until", type=Moment(), help="Received before then, written the same way."),
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(
            *,
            shop: str | None,
            topic: str | None,
            states: tuple[str, ...],
            reason: str | None,
            fault: str | None,
            since: int | None,
            until: int | None,
            numbers: tuple[int, ...] = (),
            **others: Any,
        ) -> None:
            said = {"shop": shop, "topic": topic, "reason": reason, "since": since, "until": until}
            command(selection=_selection(numbers, states, fault, said), **others)

        return functools.reduce(lambda function, option: option(function), reversed(options), called)

    return decorate


def _selection(numbers: tuple[int, ...], states: tuple[str, ...], fault: str | None, said: dict[str, Any]) -> Selection:
    if numbers and (states or fault or any(value is not None for value in said.values())):
        raise click.UsageError("Give numbers or options that select, not both.")
    if fault and set(states) - {State.DEAD}:
        raise click.UsageError("--fault is about dead deliveries; leave --state out.")
    chosen = (State.DEAD.value,) if fault else states
    return Selection(ids=numbers, states=chosen, reason_prefixes=REASON_PREFIXES[Cause(fault)] if fault else (), **said)
