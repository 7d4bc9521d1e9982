"""`check`: validates the configuration."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration, database_startup, near_names, shop_instructions, source_connection
from webhook_app.cli.support.public_address import PublicAddress
from webhook_app.config import settings, shop_addresses, shop_documents
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations
from webhook_app.inbox.counting import activity
from webhook_app.platforms import all_platforms
from webhook_app.sources.base import USUAL_RATE

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop

# The variables of options, of this command and of others.
OPTIONS = ("SANDBOX_PORT", "SANDBOX_DATABASE_URL", "SANDBOX_FOLDER", "MOVE_FROM", "MOVE_TO", "SAMPLE_SECRET")
NO_KEY = "no SECRETS_KEY: the app's registration is refused, since what it agrees is stored encrypted."
SPOOL = "must be on a disk that survives restarts: the webhooks in it were acknowledged."
SPOOL_ON_A_DYNO = "is on a dyno's disk, which is emptied at every restart: acknowledged events would be lost."


@click.command()
@click.option("--url", type=PublicAddress(), help="The receiver's public address, e.g. https://events.example.com.")
def check(url: str | None) -> None:
    """Validate settings and shops, and report all faults together, each with the line to change.

    For each shop it prints the webhook URL to paste and the topics to subscribe to, with a note where something looks
    wrong.
    """
    config, known = configuration.load(for_web=True)
    base = (url or config.local_url).rstrip("/")
    problems = shop_addresses.problems(known, all_platforms(), _addresses(config))
    for shop in known.values():
        notes = [f"{one.text} {one.advice}" for one in problems if one.shop == shop.name]
        notes += _access(shop)
        if shop.app_secret and not config.secrets_key:
            notes.append(NO_KEY)
        click.echo("\n".join(shop_instructions.instructions(shop, base, notes)))
    if not url:
        click.echo("Add --url with the public address to see the URLs as the platforms need them.\n")
    with closing(Inbox.configured(config)) as inbox:
        fault, by_host = migrations.fault(inbox.database), bool(config.web_concurrency_set_by)
        warnings = inbox.database.warnings(config.web_concurrency, by_host=by_host)
        newer = migrations.newer_revision(inbox.database)
    for sentence in [*_near_names(), *warnings]:
        click.echo(f"Warning    {sentence}")
    click.echo(f"Database   {f'not ready: {fault} Run `python -m webhook_app migrate`.' if fault else 'ready'}")
    if newer:
        click.echo(f"           {database_startup.NEWER.format(revision=newer)}")
    if config.spool:
        database_startup.check_spool(config)
        click.echo(f"Spool      {config.spool}: {SPOOL_ON_A_DYNO if settings.is_ephemeral(config.spool) else SPOOL}")
    click.echo(f"Tweakwise  {config.tweakwise_url}")
    if faults := [sentence for shop in known.values() if (sentence := shop_instructions.fault(shop))]:
        raise click.ClickException("\n".join(faults))


def _near_names() -> list[str]:
    """Return a sentence for each name that may be misspelt, and each value that needs a shell."""
    documents = shop_documents.read()
    misspelt = [*near_names.variables(os.environ, documents, OPTIONS), *near_names.tables(documents)]
    return [*misspelt, *near_names.unexpanded(os.environ, documents)]


def _access(shop: Shop) -> list[str]:
    """Return what is wrong with the credentials of the shop's API, or that they work; nothing without any."""
    if shop.api is None:
        return []
    report = source_connection.connect(shop, USUAL_RATE).access()
    works = [] if report.problems else ["the credentials of its API work."]
    return [*works, *(f"shops.{shop.name}.api: {one}" for one in (*report.problems, *report.warnings, *report.notes))]


def _addresses(config: Settings) -> dict[str, list[str]]:
    """Return the addresses that sent webhooks to each shop, none where the inbox cannot be read."""
    with closing(Inbox.configured(config)) as inbox:
        try:
            return activity.addresses(inbox) if inbox.database.exists() else {}
        except StoreUnavailableError:
            return {}
