"""`web`: the receiver."""

from __future__ import annotations

import os
import sys

import click

from webhook_app.cli.support import configuration, database_startup
from webhook_app.cli.support.local_processes import ROOT


@click.command()
def web() -> None:
    """Start the receiver: a web server (gunicorn) that accepts webhooks on PORT."""
    config, _ = configuration.load(for_web=True)  # before gunicorn, so that faults end as messages of this command
    database_startup.refuse_split_disk(config, "web")
    database_startup.check_spool(config)
    database_startup.warn_receiver(config)
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py"])  # noqa: S606
