"""`doctor`: runs every health check."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import click

from webhook_app.cli.support import configuration
from webhook_app.cli.support.finding_text import coloured, finding_record
from webhook_app.cli.support.public_address import PublicAddress
from webhook_app.cli.support.terminal import fitted, margin
from webhook_app.doctor import CheckContext, run_checks
from webhook_app.errors import ConfigurationError
from webhook_app.formatting import counted
from webhook_app.health.finding import Finding, Severity
from webhook_app.health.folding import FindingGroup, folded
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop

INDENT = 24  # columns before a finding's text


@click.command()
@click.option("--shop", "name", help="Only this shop; default: all shops.")
@click.option("--url", type=PublicAddress(), help="The public address, to check the webhook URLs from outside.")
@click.option("--send", is_flag=True, help="Post one search to Tweakwise for each shop, to check its instance key.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for each finding.")
def doctor(name: str | None, url: str | None, *, send: bool, as_json: bool) -> None:
    """Run all health checks, and print for each problem what to do.

    It changes nothing. It sends a GET request to each Tweakwise address and each webhook URL; an event is sent only
    with --send: one search marked as internal traffic, since the API has no harmless request that needs the instance
    key. The exit code is 1 if there is an error; warnings do not count.
    """
    found: list[Finding] = []
    for _, of_check in groupby(_findings(name, url, send=send), key=attrgetter("check")):
        some = list(of_check)
        found += some
        for line in [json.dumps(finding_record(one)) for one in some] if as_json else _texts(some):
            click.echo(line)
    counts = Counter(finding.severity for finding in found if not finding.is_muted)
    errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
    if not as_json:
        click.echo(f"\n{counted(errors, 'error')}, {counted(warnings, 'warning')}.")
    if errors:
        raise SystemExit(1)


def _findings(name: str | None, url: str | None, *, send: bool) -> Iterator[Finding]:
    try:
        config, known = configuration.load(for_web=True)
    except ConfigurationError as error:
        for fault in error.faults:
            yield Finding("configuration", Severity.ERROR, fault, "Correct it; no process starts before that.")
        return
    yield from _examined(config, configuration.chosen_shops(known, name), url=url, sends_events=send)


def _examined(config: Settings, shops: Mapping[str, Shop], **options: Any) -> Iterator[Finding]:
    with closing(Inbox.configured(config)) as inbox:
        yield from run_checks(CheckContext(config, shops, all_platforms(), inbox, **options))


def _texts(found: Sequence[Finding]) -> Iterator[str]:
    """Return the text of a check's findings; those of many shops with the same cause are one."""
    shown = folded(one for one in found if not one.is_muted)
    for group in [*shown, *(FindingGroup((one,)) for one in found if one.is_muted)]:
        first = group.findings[0]
        lines = [f"{coloured(group.severity)} {first.check:<14} {group.text}"]
        if len(group.findings) > 1:
            lines.append(margin(INDENT) + ", ".join(sorted(one.shop for one in group.findings)))
        if first.is_muted:
            lines.append(f"{margin(INDENT)}Muted {first.muted}.")
        if group.advice:
            lines.append(margin(INDENT) + group.advice)
        yield "\n".join(fitted(line, INDENT) for line in lines)
