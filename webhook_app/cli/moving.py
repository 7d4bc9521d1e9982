"""The command that moves an inbox to another database: move."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from webhook_app.config import settings
from webhook_app.errors import MoveRefusedError
from webhook_app.inbox import transfer as moving
from webhook_app.inbox.engines.factory import open_database
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from click import Context, Parameter

    from webhook_app.inbox.engines.database import Database
    from webhook_app.inbox.transfer import Contents


def _address(_context: Context, _parameter: Parameter, value: str) -> str:
    """Refuse what is no address of a database; never quotes it, since it may hold a password."""
    if not value.startswith((settings.SQLITE, *settings.POSTGRES)):
        raise click.BadParameter(
            "write sqlite:///var/inbox.db or postgres://<user>:<password>@<host>:<port>/<database>"
        )
    return value


@click.command()
@click.option(
    "--from", "source_url", required=True, callback=_address, help="The database to copy, which stays as it is."
)
@click.option("--to", "target_url", required=True, callback=_address, help="An empty database, or one half moved into.")
def move(source_url: str, target_url: str) -> None:
    """Copy the whole inbox to another database: SQLite to PostgreSQL, or back.

    Stop the receivers and the workers first. Deliveries, bodies, business keys and lanes are copied in pages; then
    both sides are counted and compared. Whatever interrupts it, even kill -9: run it again, and it goes on. When it
    says "the same", set DATABASE_URL to the new database and start again. Keep the old one until you have seen that.

    \b
    move --from sqlite:///var/inbox.db --to postgres://user:password@host:5432/database
    """  # noqa: D301 - \b keeps click from joining the lines
    if source_url == target_url:
        raise click.UsageError("--from and --to are the same database.")
    pooled = settings.load().database_pooler == "transaction"
    with (
        closing(open_database(source_url, pooled=pooled)) as source,
        closing(open_database(target_url, pooled=pooled)) as target,
    ):
        try:
            moving.prepare(source, target, now_ms())
        except MoveRefusedError as error:
            raise click.ClickException(str(error)) from None
        _copy(source, target)
        _compare(source, target)


def _copy(source: Database, target: Database) -> None:
    with click.progressbar(length=moving.size(source), label="Copying", **_seen()) as bar:
        for count in moving.copy(source, target):
            bar.update(count)


def _account(database: Database) -> Contents:
    with click.progressbar(length=moving.size(database), label="Comparing", **_seen()) as bar:
        return moving.contents(database, bar.update)


def _seen() -> dict[str, Any]:
    """No bar where nobody sees it."""
    return {"file": sys.stderr, "hidden": not sys.stderr.isatty()}


def _compare(source: Database, target: Database) -> None:
    """Say that both are the same, or what is not; exits with 1 then."""
    before, after = _account(source), _account(target)
    for name in before.rows:
        click.echo(f"{name:<15} {before.rows[name]:>9} {after.rows[name]:>9}")
    for state in sorted({*before.states, *after.states}):
        click.echo(f"  {state:<13} {before.states.get(state, 0):>9} {after.states.get(state, 0):>9}")
    click.echo(f"{'checksum':<15} {before.checksum[:9]} {after.checksum[:9]}")
    if before != after:
        raise click.ClickException(
            "They are not the same. Is a receiver or a worker still at work on one of them? Stop it and run this again."
        )
    click.echo("The same. Now set DATABASE_URL to the new database.")
