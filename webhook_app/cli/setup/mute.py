"""`mute`: hides findings of health checks for a time, or until they are over."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration
from webhook_app.cli.support.param_types import Duration
from webhook_app.formatting import timestamp
from webhook_app.health.evaluation import findings
from webhook_app.health.measure import Subject, measure
from webhook_app.inbox import Inbox
from webhook_app.inbox.operations import muted_findings
from webhook_app.inbox.operations.audit_log import COMMAND_LINE, AuditAction, AuditEvent
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--for", "time", type=Duration(), help="For how long; default: until it is over.")
@click.option("--end", is_flag=True, help="Show it again.")
def mute(names: tuple[str, ...], time: int | None, *, end: bool) -> None:
    """Mute what needs attention: no page, `status --check` or new alert shows it as a problem.

    NAME is that of a finding, as `status --json` and `mute` without a name print it, or its beginning: `breaker` is
    every breaker, `"dead acme"` the dead deliveries of acme. It is recorded as an audit event.
    """
    config, shops = configuration.load()
    with closing(Inbox.configured(config)) as inbox:
        found = findings(measure(Subject(config, shops, all_platforms(), inbox)))
        current = {one.name: one.muted for one in found if one.is_problem}
        known = current | {name: "muted" for name in muted_findings.muted(inbox) if name not in current}
        if names:
            click.echo("\n".join(_changed(inbox, _chosen(names, known), time, end=end)))
        else:
            lines = [f"{name}{f'  (muted {muted})' if muted else ''}" for name, muted in sorted(current.items())]
            click.echo("\n".join(lines) or "Nothing needs attention.")


def _chosen(names: tuple[str, ...], known: Collection[str]) -> list[str]:
    chosen = [name for name in known if f"{name} ".startswith(tuple(f"{given} " for given in names))]
    if not chosen:
        there_are = "; ".join(sorted(known)) or "none"
        raise click.ClickException(f"No finding has that name. There are: {there_are}.")
    return chosen


def _changed(inbox: Inbox, names: list[str], time: int | None, *, end: bool) -> Iterator[str]:
    if end:
        muted_findings.unmute(inbox, names, AuditEvent(AuditAction.UNMUTE, COMMAND_LINE, detail="; ".join(names)))
        yield from (f"Shown again: {name}" for name in names)
        return
    until = None if time is None else inbox.clock() + time
    words = "until it is over" if until is None else f"until {timestamp(until)}"
    event = AuditEvent(AuditAction.MUTE, COMMAND_LINE, detail=f"{words}: {'; '.join(names)}")
    muted_findings.mute(inbox, names, until, event)
    yield from (f"Muted {words}: {name}" for name in names)
