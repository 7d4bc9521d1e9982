"""The options that select deliveries, the same for every command that takes more than one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from webhook_app.cli.support.param_types import PointInTime
from webhook_app.delivery.causes import REASON_PREFIXES, TITLES, Cause
from webhook_app.inbox import Selection, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CAUSES = ", ".join(f"{cause.value} is {title}" for cause, title in TITLES.items())


def selection_options(states: Iterable[State] = State) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options to a command, and call it with the `selection` they make."""
    state = click.Choice([state.value for state in states])
    cause = click.Choice([cause.value for cause in Cause])
    options = [
        click.option("--shop", help="Only this shop."),
        click.option("--topic", help="Only this topic, as the platform names it."),
        click.option("--state", "states", type=state, multiple=True, help="Only this state (repeatable)."),
        click.option("--order", help="Only deliveries about this order: its id, or its number or name such as #1234."),
        click.option("--reason", help="Only this reason, e.g. no_profile; docs/reasons.md lists them."),
        click.option("--fault", type=cause, help=f"Only dead deliveries with this cause: {CAUSES}."),
        click.option("--since", type=PointInTime(), help="Received since then: 2026-11-27T09:30:00Z, or 24h ago."),
        click.option("--until", type=PointInTime(), help="Received before then, in the same form."),
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def decorated(
            *,
            shop: str | None,
            topic: str | None,
            order: str | None,
            states: tuple[str, ...],
            reason: str | None,
            fault: str | None,
            since: int | None,
            until: int | None,
            numbers: tuple[int, ...] = (),
            **others: Any,
        ) -> None:
            fields = {"shop": shop, "topic": topic, "order": order, "reason": reason, "since": since, "until": until}
            command(selection=_selection(numbers, states, fault, fields), **others)

        return functools.reduce(lambda function, option: option(function), reversed(options), decorated)

    return decorate


def _selection(
    numbers: tuple[int, ...], states: tuple[str, ...], fault: str | None, fields: dict[str, Any]
) -> Selection:
    if numbers and (states or fault or any(value is not None for value in fields.values())):
        raise click.UsageError("Give either numbers or options that select deliveries, not both.")
    if fault and set(states) - {State.DEAD}:
        raise click.UsageError("--fault selects dead deliveries; it cannot be combined with another --state.")
    if not fault:
        return Selection(ids=numbers, states=states, **fields)
    return Selection(states=(State.DEAD.value,), reason_prefixes=REASON_PREFIXES[Cause(fault)], **fields)
