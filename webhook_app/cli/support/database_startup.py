"""Checks and migrates the database before a process uses it."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import click

from webhook_app import reloading
from webhook_app.cli.support import file_access
from webhook_app.config.validators import SQLITE
from webhook_app.errors import StoreUnavailableError
from webhook_app.formatting import counted
from webhook_app.health import disks
from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations
from webhook_app.inbox.spool import Spool

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from webhook_app.config.settings import Settings

RETRY_EVERY = 1.0  # seconds
NEWER = "The database was migrated by a newer version, to {revision}. This one works with what it knows of it."
SIDE_BY_SIDE = ", also while a deployment runs old and new side by side"
MIGRATE = "`python -m webhook_app migrate`"


def migrate(config: Settings) -> bool:
    """Migrate the database; False, with a warning, where it does not answer or its disk cannot be written.

    The pages show why, and all goes on by itself once that is over. A file that cannot be used is an error, unless its
    disk is full.
    """
    disk = next((one for one in disks.statuses(config) if one.what == "inbox" and one.failure), None)
    if disk:
        _warn(f"{disk.folder} cannot be written: {disk.failure}. Until it can, webhooks are answered with 503.")
    with closing(Inbox.configured(config)) as inbox:
        try:
            migrations.upgrade(inbox.database)
        except StoreUnavailableError as error:
            if config.database_url.startswith(SQLITE) and not (disk and disk.is_full):
                raise
            _warn(f"The database is unavailable: {error}. Starting anyway; events are processed once it answers.")
            return False
        if fault := inbox.database.write_fault():
            why = "is read-only" if fault == "not_writable" else "has a full disk"
            _warn(f"The database server {why}. Until that is over, webhooks cannot be stored there.")
    return disk is None and not fault


def migrate_when_available(config: Settings) -> None:
    """Migrate as soon as the database answers."""
    with closing(Inbox.configured(config)) as inbox:
        while True:
            try:
                migrations.upgrade(inbox.database)
            except StoreUnavailableError as error:
                inbox.outages.failed(error)
                reloading.end_if_asked()
                time.sleep(RETRY_EVERY)
            else:
                return


def fit_web_processes(config: Settings, environment: MutableMapping[str, str]) -> None:
    """Lower WEB_CONCURRENCY to what the database has connections for: hosts set it by the size of the machine."""
    with closing(Inbox.configured(config)) as inbox, suppress(StoreUnavailableError):
        by_host = bool(config.web_concurrency_set_by)
        fitting = inbox.database.fitting(config.web_concurrency, by_host=by_host)
        if fitting < config.web_concurrency:
            processes = counted(fitting, "web process", "web processes")
            _warn(
                f"WEB_CONCURRENCY is {config.web_concurrency}, but the database has connections for {processes} beside "
                f"a worker{SIDE_BY_SIDE if by_host else ''}; {fitting} {'starts' if fitting == 1 else 'start'}."
            )
            environment["WEB_CONCURRENCY"] = str(fitting)


def warn_receiver(config: Settings) -> None:
    """Print what is wrong with the database; the receiver starts anyway, and answers 503 or spools until it works."""
    meanwhile = "are spooled" if config.spool else "are answered with 503"
    with closing(Inbox.configured(config)) as inbox:
        try:
            _print_warnings(config, inbox)
            if fault := migrations.fault(inbox.database):
                _warn(f"{fault} Run {MIGRATE}. Until then webhooks that cannot be stored {meanwhile}.")
        except StoreUnavailableError as error:
            advice = f" {error.advice}" if error.advice else ""
            _warn(f"The database is unavailable: {error}.{advice} Until it answers webhooks {meanwhile}.")


def warn_worker(config: Settings) -> None:
    """Print what is wrong with the database; a worker waits for one that is unavailable, and logs that itself."""
    with closing(Inbox.configured(config)) as inbox, suppress(StoreUnavailableError):
        _print_warnings(config, inbox)
        if fault := migrations.fault(inbox.database):
            _warn(f"{fault} Run {MIGRATE}. Until then events that cannot be delivered wait.")


def check_spool(config: Settings) -> None:
    """Refuse a spool that cannot be used, before it is needed."""
    if not config.spool:
        return
    with closing(Inbox.configured(config)) as inbox, closing(Spool(config.spool, inbox)) as spool:
        try:
            spool.open()
        except StoreUnavailableError as error:
            raise click.ClickException(f"SPOOL: {config.spool} cannot be used: {error}") from None


def _print_warnings(config: Settings, inbox: Inbox) -> None:
    if fault := file_access.fault():
        _warn(f"{fault}.")
    if revision := migrations.newer_revision(inbox.database):
        _warn(NEWER.format(revision=revision))
    for sentence in inbox.database.warnings(config.web_concurrency, by_host=bool(config.web_concurrency_set_by)):
        _warn(f"Warning: {sentence}")


def _warn(sentence: str) -> None:
    click.echo(sentence, err=True)
