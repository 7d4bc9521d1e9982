"""Refuses or warns of an SQLite file on the disk of a Heroku dyno, which no other dyno sees and a restart empties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webhook_app.config import settings
from webhook_app.config.validators import SQLITE

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings


def refuse(config: Settings, command: str) -> None:
    """Refuse SQLite where receiver and worker run on different disks: no event would reach the worker."""
    if _is_used(config):
        raise click.ClickException(
            f"Heroku's dynos do not share a disk: with SQLite, `{command}` on its own would lose every event. "
            "Add a database: `heroku addons:create heroku-postgresql:essential-0`."
        )


def warn(config: Settings) -> None:
    """Warn where every restart empties the disk that holds the database."""
    if _is_used(config):
        sentence = "a dyno's disk is emptied at every restart; events that are not delivered by then are lost."
        click.echo(f"Warning: {sentence}", err=True)


def _is_used(config: Settings) -> bool:
    path = config.database_url.removeprefix(SQLITE)
    return path != config.database_url and settings.is_ephemeral(path)
