"""`worker`: delivers what was received."""

from __future__ import annotations

import signal

import click

from webhook_app.cli.support import configuration, database_startup
from webhook_app.observability import error_reporting, metrics
from webhook_app.worker_factory import make_worker


@click.command()
@click.option("--migrate", "migrates", is_flag=True, help="Migrate the database first; wait for one that is away.")
def worker(*, migrates: bool) -> None:
    """Start a worker, which delivers what was received. Any number may run at the same time."""
    config, known = configuration.load()
    database_startup.refuse_split_disk(config, "worker")
    error_reporting.configure(config)
    if migrates:
        database_startup.migrate_when_available(config)
    else:
        database_startup.warn_worker(config)
    metrics.share(config)
    running = make_worker(config, known)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    running.run()
