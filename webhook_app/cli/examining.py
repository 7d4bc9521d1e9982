"""The command that looks for whatever is wrong: doctor."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from marshmallow import ValidationError

from webhook_app.cli import configuration
from webhook_app.config.settings import validate_http_url
from webhook_app.doctor import CheckContext, Finding, Severity, run_checks
from webhook_app.errors import ConfigurationError
from webhook_app.formatting import counted
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop

COLOURS = {Severity.OK: "green", Severity.INFO: "bright_black", Severity.WARNING: "yellow", Severity.ERROR: "red"}


def _address(_ctx: object, _param: object, value: str | None) -> str | None:
    try:
        if value is not None:
            validate_http_url(value)
    except ValidationError:
        raise click.BadParameter("write an address such as https://events.example.com") from None
    return value


@click.command()
@click.option("--shop", "name", help="Only this shop; default: all of them.")
@click.option("--url", callback=_address, help="The public address, to look at the webhook URLs from outside.")
@click.option("--send", is_flag=True, help="Post one search to Tweakwise for each shop, to try its instance key.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each finding, on a line.")
def doctor(name: str | None, url: str | None, *, send: bool, as_json: bool) -> None:
    """Look for whatever is wrong, and say for each finding what to do.

    It reads and asks, and changes nothing. What goes out: a GET to each Tweakwise address and to each webhook URL;
    only with --send an event, one search marked as internal traffic, since the API knows no harmless request that needs
    the instance key. Exit code 1 if there is an error; warnings do not count.
    """
    found = []
    for finding in _findings(name, url, send=send):
        found.append(finding)
        click.echo(json.dumps(asdict(finding)) if as_json else _line(finding))
    errors, warnings = (
        sum(one.severity is severity for one in found) for severity in (Severity.ERROR, Severity.WARNING)
    )
    if not as_json:
        click.echo(f"\n{counted(errors, 'error')}, {counted(warnings, 'warning')}.")
    if errors:
        raise SystemExit(1)


def _findings(name: str | None, url: str | None, *, send: bool) -> Iterator[Finding]:
    try:
        config, known = configuration.load()
    except ConfigurationError as error:
        for fault in error.faults:
            yield Finding("configuration", Severity.ERROR, fault, "Correct it: nothing starts before.")
        return
    if name is not None and name not in known:
        raise click.BadParameter(f"there is no shop {name}; known are {', '.join(known)}", param_hint="--shop")
    yield from _examined(config, {name: known[name]} if name else known, url=url, sends_events=send)


def _examined(config: Settings, shops: dict[str, Shop], **asked: Any) -> Iterator[Finding]:
    with closing(Inbox.configured(config)) as inbox:
        yield from run_checks(CheckContext(config, shops, all_platforms(), inbox, **asked))


def _line(finding: Finding) -> str:
    severity = click.style(f"{finding.severity:<8}", fg=COLOURS[finding.severity])
    advice = f"\n{'':<24}{finding.advice}" if finding.advice else ""
    return f"{severity} {finding.check:<14} {finding.text}{advice}"
