"""`migrate`: brings the database to the current schema."""

from __future__ import annotations

from contextlib import closing

import click

from webhook_app.cli.support import database_startup
from webhook_app.config import settings
from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations


@click.command()
def migrate() -> None:
    """Bring the database to the current schema; does nothing where it is current.

    May run on several machines at once, and while the receiver and workers run. What a database lacks although its
    migrations are applied is created too.
    """
    with closing(Inbox.configured(settings.load())) as inbox:
        before = migrations.fault(inbox.database)
        created = migrations.upgrade(inbox.database)
        newer = migrations.newer_revision(inbox.database)
    click.echo(f"{'Migrated' if before else 'Nothing to do'}: the database is at {newer or migrations.head()}.")
    if newer:
        click.echo(database_startup.NEWER.format(revision=newer))
    if created and before != migrations.NOT_MIGRATED:
        click.echo(f"Created what it lacked: {', '.join(created)}.")
