"""`move`: copies the inbox to another database."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support.param_types import SecretText
from webhook_app.cli.support.terminal import progress_bar
from webhook_app.config import settings
from webhook_app.config.validators import POSTGRES, SQLITE
from webhook_app.errors import MoveRefusedError
from webhook_app.inbox import transfer
from webhook_app.inbox.engines.factory import open_database

if TYPE_CHECKING:
    from click import Context, Parameter

    from webhook_app.inbox.engines.database import Database
    from webhook_app.inbox.transfer import Contents


def _address(_context: Context, _parameter: Parameter, value: str) -> str:
    """Refuse what is not the address of a database, without quoting it: it may hold a password."""
    if not value.startswith((SQLITE, *POSTGRES)):
        raise click.BadParameter(
            "expected sqlite:///var/inbox.db or postgres://<user>:<password>@<host>:<port>/<database>"
        )
    return value


@click.command()
@click.option(
    "--from",
    "source_url",
    required=True,
    type=SecretText(),
    envvar="MOVE_FROM",
    callback=_address,
    help="The database to copy; it is not changed. Also MOVE_FROM.",
)
@click.option(
    "--to",
    "target_url",
    required=True,
    type=SecretText(),
    envvar="MOVE_TO",
    callback=_address,
    help="An empty or partly copied database. Also MOVE_TO.",
)
@click.option("--force", is_flag=True, help="Move although processes seem to run on the old database.")
def move(*, source_url: str, target_url: str, force: bool) -> None:
    """Copy the whole inbox to another database: SQLite to PostgreSQL, or back.

    Stop the receivers and the workers first: it is refused while one was seen within the last minutes and did not end.
    What becomes of webhooks meanwhile: docs/backup.md. Every table is copied page by page; then both sides are counted
    and compared. Interrupted, even by kill -9, it continues when it is run again. When it reports that both are the
    same, set DATABASE_URL to the new database and start the receivers and workers. Delete the old one only after that.

    Every user of a machine can see its command lines: write an address with a password into MOVE_FROM or MOVE_TO, or
    into a file that only you can read and give @FILE, or - for a line of stdin.

    \b
    move --from sqlite:///var/inbox.db --to @new-database.txt
    """  # noqa: D301 - \b keeps click from joining the lines
    if source_url == target_url:
        raise click.UsageError("--from and --to are the same database.")
    pooled = settings.load().database_pooler == "transaction"
    with (
        closing(open_database(source_url, pooled=pooled)) as source,
        closing(open_database(target_url, pooled=pooled)) as target,
    ):
        try:
            transfer.prepare(source, target, ignores_processes=force)
        except MoveRefusedError as error:
            raise click.ClickException(str(error)) from None
        _copy(source, target)
        _compare(source, target)


def _copy(source: Database, target: Database) -> None:
    with progress_bar(transfer.size(source), "Copying") as bar:
        for count in transfer.copy(source, target):
            bar.update(count)


def _contents(database: Database) -> Contents:
    with progress_bar(transfer.size(database), "Comparing") as bar:
        return transfer.contents(database, bar.update)


def _compare(source: Database, target: Database) -> None:
    """Print both sides; exits with 1 where they differ."""
    before, after = _contents(source), _contents(target)
    for name in before.rows:
        click.echo(f"{name:<15} {before.rows[name]:>9} {after.rows[name]:>9}")
    for state in sorted({*before.states, *after.states}):
        click.echo(f"  {state:<13} {before.states.get(state, 0):>9} {after.states.get(state, 0):>9}")
    click.echo(f"{'checksum':<15} {before.checksum[:9]} {after.checksum[:9]}")
    if before != after:
        raise click.ClickException(
            "They differ. A receiver or a worker may still use one of them: stop it and run this again."
        )
    click.echo("Both are the same. Now set DATABASE_URL to the new database.")
