"""`migrate`: brings the database to the current schema."""

from __future__ import annotations

from contextlib import closing

import click

from webhook_app.config import settings
from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations


@click.command()
def migrate() -> None:
    """Bring the database to the current schema; does nothing where it is current."""
    with closing(Inbox.configured(settings.load())) as inbox:
        done = migrations.is_current(inbox.database)
        migrations.upgrade(inbox.database)
    click.echo(f"{'Nothing to do' if done else 'Migrated'}: the database is at {migrations.head()}.")
