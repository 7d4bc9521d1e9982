"""`worker`: delivers what was received."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration, database_startup
from webhook_app.observability import error_reporting, metrics
from webhook_app.worker_factory import make_worker

if TYPE_CHECKING:
    from webhook_app.delivery.worker import Worker

STOP_WITHIN = 9.5  # seconds; hosts kill after 10
UNFINISHED = 1  # the exit code then


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
        signal.signal(number, lambda *_: _stop(running))
    running.run()


def _stop(running: Worker) -> None:
    """Stop in good order, and end the process anyway where a database that does not answer prevents that."""
    running.stop()
    end = threading.Timer(STOP_WITHIN, os._exit, [UNFINISHED])
    end.daemon = True
    end.start()
