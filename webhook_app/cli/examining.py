"""The command that looks for whatever is wrong: doctor."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from marshmallow import ValidationError

from webhook_app.cli import configuration
from webhook_app.config.settings import web_address
from webhook_app.doctor import Finding, Level, Subject, examine
from webhook_app.errors import ConfigurationError
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop

COLOURS = {Level.FINE: "green", Level.NOTE: "bright_black", Level.WARNING: "yellow", Level.WRONG: "red"}


def _address(_ctx: object, _param: object, value: str | None) -> str | None:
    try:
        if value is not None:
            web_address(value)
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
    the instance key. Exit code 1 if anything is wrong; warnings and notes are no failure.
    """
    found = []
    for finding in _findings(name, url, send=send):
        found.append(finding)
        click.echo(json.dumps(asdict(finding)) if as_json else _line(finding))
    wrong, warnings = (sum(one.level is level for one in found) for level in (Level.WRONG, Level.WARNING))
    if not as_json:
        click.echo(f"\n{_counted(wrong, 'thing')} wrong, {_counted(warnings, 'warning')}.")
    if wrong:
        raise SystemExit(1)


def _findings(name: str | None, url: str | None, *, send: bool) -> Iterator[Finding]:
    try:
        config, known = configuration.load()
    except ConfigurationError as error:
        for fault in error.faults:
            yield Finding("configuration", Level.WRONG, fault, "Correct it: nothing starts before.")
        return
    if name is not None and name not in known:
        raise click.BadParameter(f"there is no shop {name}; known are {', '.join(known)}", param_hint="--shop")
    yield from _examined(config, {name: known[name]} if name else known, url=url, sends=send)


def _examined(config: Settings, shops: dict[str, Shop], **asked: Any) -> Iterator[Finding]:
    with closing(Inbox.configured(config)) as inbox:
        yield from examine(Subject(config, shops, all_platforms(), inbox, **asked))


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<8}", fg=COLOURS[finding.level])
    todo = f"\n{'':<24}{finding.todo}" if finding.todo else ""
    return f"{level} {finding.check:<14} {finding.said}{todo}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
