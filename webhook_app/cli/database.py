"""What commands say about the database before they use it, and how they wait for one that is away."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import click

from webhook_app import logs
from webhook_app.config import settings
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations
from webhook_app.inbox.spool import Spool

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings

AGAIN_IN = 1.0  # seconds between two tries while the database is away


def migrated(config: Settings) -> bool:
    """Migrate; False, and said, where a server does not answer: that comes back, a disk that fails does not."""
    with closing(Inbox.configured(config)) as inbox:
        try:
            migrations.upgrade(inbox.database)
        except StoreUnavailableError as error:
            if config.database_url.startswith(settings.SQLITE):
                raise
            click.echo(f"The database does not answer: {error}. Starting all the same, and waiting for it.", err=True)
            return False
    return True


def migrate_when_there(config: Settings) -> None:
    """Migrate as soon as the database answers."""
    with closing(Inbox.configured(config)) as inbox:
        while True:
            try:
                return migrations.upgrade(inbox.database)
            except StoreUnavailableError as error:
                logs.logger().warning("store_unavailable", error=str(error))
                time.sleep(AGAIN_IN)


def warn(config: Settings) -> None:
    """Say what is wrong with the database; web starts all the same and answers 503, or spools, meanwhile."""
    meanwhile = "Spooling" if config.spool else "Answering 503"
    with closing(Inbox.configured(config)) as inbox:
        try:
            _tell_doubts(config, inbox)
            if not migrations.is_current(inbox.database):
                _say(f"The database is not migrated: run `python -m webhook_app migrate`. {meanwhile} till then.")
        except StoreUnavailableError as error:
            _say(f"The database does not answer: {error}. {meanwhile} till it does.")


def warn_worker(config: Settings) -> None:
    """Say what is wrong with the database; a worker waits for one that is away, and says so itself."""
    with closing(Inbox.configured(config)) as inbox, suppress(StoreUnavailableError):
        _tell_doubts(config, inbox)


def _tell_doubts(config: Settings, inbox: Inbox) -> None:
    for sentence in inbox.database.warnings(config.web_concurrency):
        _say(f"Warning: {sentence}")


def check_spool(config: Settings) -> None:
    """Refuse a spool that cannot be used, before it is needed."""
    if not config.spool:
        return
    with closing(Inbox.configured(config)) as inbox, closing(Spool(config.spool, inbox)) as spool:
        try:
            spool.open()
        except StoreUnavailableError as error:
            raise click.ClickException(f"SPOOL: {config.spool} cannot be used: {error}") from None


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
