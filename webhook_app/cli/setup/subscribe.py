"""`subscribe`: creates and corrects the platform's webhooks for this receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from webhook_app.cli.support import configuration, source_connection
from webhook_app.cli.support.public_address import PublicAddress
from webhook_app.errors import SourceError
from webhook_app.platforms import all_platforms
from webhook_app.sources import all_sources
from webhook_app.sources import subscribe as subscriptions
from webhook_app.sources.base import USUAL_RATE
from webhook_app.sources.subscribe import Action, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

WORDS = {
    Action.FINE: "active",
    Action.CREATE: "missing",
    Action.ENABLE: "disabled",
    Action.MOVE: "at another address",
    Action.DOUBLE: "a second one: delete it at the platform, each event comes twice",
}
DONE = {Action.CREATE: "created", Action.ENABLE: "enabled", Action.MOVE: "address corrected", Action.FINE: "secret set"}


@click.command()
@click.option("--shop", "name", required=True, help="The shop, which needs the table [shops.<name>.api].")
@click.option(
    "--url",
    type=PublicAddress(),
    help="The receiver's public address, e.g. https://events.example.com; default: PUBLIC_URL.",
)
@click.option("--check", "only_checks", is_flag=True, help="Only report; exit code 1 if something is to be changed.")
def subscribe(name: str, url: str | None, *, only_checks: bool) -> None:
    """Create the shop's webhooks for this receiver, enable disabled ones, and correct secret and address.

    Webhooks of others are left alone, also those for another shop of this receiver. Nothing is deleted.
    """
    config, known = configuration.load()
    shop = source_connection.shop_with_api(known, name)
    base = url or config.public_url
    if not base:
        raise click.UsageError("Give the receiver's public address: --url https://events.example.com, or PUBLIC_URL.")
    target = subscriptions.url_of(base, shop)
    connection = source_connection.connect(shop, USUAL_RATE)
    try:
        steps = subscriptions.plan(connection.webhooks(), shop, all_platforms()[shop.platform], target)
        if not only_checks:
            subscriptions.apply(connection, steps, shop, target)
    except SourceError as error:
        raise click.ClickException(f"{error.reason}: {error}") from None
    click.echo(f"{shop.name}: webhooks for {target}")
    for line in _lines(steps, only_checks=only_checks):
        click.echo(line)
    for note in all_sources()[shop.platform].webhook_notes:
        click.echo(f"  note: {note}")
    if only_checks and any(step.action is not Action.FINE for step in steps):
        raise SystemExit(1)


def _lines(steps: Sequence[Step], *, only_checks: bool) -> list[str]:
    width = max(len(step.topic) for step in steps)
    lines = [f"  {step.topic:<{width}}  {_words(step, only_checks=only_checks)}" for step in steps]
    if only_checks and any(step.is_change for step in steps):
        lines.append("Without --check this is corrected.")
    return lines


def _words(step: Step, *, only_checks: bool) -> str:
    if not only_checks:
        return DONE.get(step.action, WORDS[step.action])
    there = f": {_shown(step.webhook.url)}" if step.webhook and step.action is Action.MOVE else ""
    return WORDS[step.action] + there


def _shown(url: str) -> str:
    """Return an address without credentials and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
