"""`check`: validates the configuration."""

from __future__ import annotations

from contextlib import closing

import click

from webhook_app.cli.support import configuration, database_startup, shop_instructions
from webhook_app.config import settings
from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations

SPOOL = "must be on a disk that survives restarts: the webhooks in it were acknowledged."
SPOOL_ON_A_DYNO = "is on a dyno's disk, which is emptied at every restart: acknowledged events would be lost."


@click.command()
@click.option("--url", help="The receiver's public address, e.g. https://events.example.com.")
def check(url: str | None) -> None:
    """Validate settings and shops, and report all faults together, each with the line to change.

    For each shop it prints the webhook URL to paste and the topics to subscribe to, with a note where something looks
    wrong.
    """
    config, known = configuration.load()
    base = (url or f"http://127.0.0.1:{config.port}").rstrip("/")
    for shop in known.values():
        click.echo("\n".join(shop_instructions.instructions(shop, base)))
    if not url:
        click.echo("Add --url with the public address to see the URLs as the platforms need them.\n")
    with closing(Inbox.configured(config)) as inbox:
        fault, warnings = migrations.fault(inbox.database), inbox.database.warnings(config.web_concurrency)
    for sentence in warnings:
        click.echo(f"Warning    {sentence}")
    click.echo(f"Database   {f'not ready: {fault} Run `python -m webhook_app migrate`.' if fault else 'ready'}")
    if config.spool:
        database_startup.check_spool(config)
        click.echo(f"Spool      {config.spool}: {SPOOL_ON_A_DYNO if settings.is_ephemeral(config.spool) else SPOOL}")
    click.echo(f"Tweakwise  {config.tweakwise_url}")
