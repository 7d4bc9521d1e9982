"""`backup`: copies an SQLite inbox to a file while everything runs."""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path

import click

from webhook_app.cli.support.terminal import progress_bar
from webhook_app.config import settings
from webhook_app.config.validators import SQLITE
from webhook_app.errors import BackupRefusedError
from webhook_app.formatting import counted
from webhook_app.inbox import Inbox
from webhook_app.inbox.backup import copy

IN_POSTGRES = """The inbox is in PostgreSQL, which has a program for it:
  (umask 077; pg_dump --format=custom --file={file} "$DATABASE_URL")"""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists, once the new backup is complete.")
def backup(file: Path, *, force: bool) -> None:
    """Back up an SQLite inbox to FILE while everything runs.

    FILE is one moment of the database, complete and verified (integrity, version of the schema, rows of each table).
    It is readable by you alone, because it holds personal data, and has its name only once it is on the disk.
    docs/backup.md explains how to restore it. For PostgreSQL the command prints the line for pg_dump.
    """
    config = settings.load()
    if not config.database_url.startswith(SQLITE):
        raise click.ClickException(IN_POSTGRES.format(file=shlex.quote(str(file))))
    _refuse_existing(file, Path(config.database_url.removeprefix(SQLITE)), force=force)
    with closing(Inbox.configured(config)) as inbox, progress_bar(100, "Copying") as bar:
        try:
            rows = copy(inbox.database, file, lambda left, of: bar.update(100 - 100 * left // max(of, 1) - bar.pos))
        except BackupRefusedError as error:
            raise click.ClickException(f"No backup was made: {error}.") from None
    click.echo(f"{file}: {counted(rows['deliveries'], 'delivery', 'deliveries')}, verified.")


def _refuse_existing(file: Path, database: Path, *, force: bool) -> None:
    """Refuse a file that would be replaced without --force, and in any case one that belongs to the inbox."""
    place = file.resolve()
    if place.parent == database.resolve().parent and place.name.startswith(database.resolve().name):
        rest = place.name.removeprefix(database.resolve().name)
        if not rest or rest.startswith("-"):
            raise click.UsageError(f"{file} belongs to the inbox itself.")
    if file.exists() and not file.is_file():
        raise click.UsageError(f"{file} is not a plain file.")
    if file.exists() and not force:
        raise click.UsageError(f"{file} exists; --force replaces it.")
