"""`web`: the receiver."""

from __future__ import annotations

import os
import sys

import click

from webhook_app import reloading
from webhook_app.cli.support import configuration, database_startup
from webhook_app.cli.support.changed_shops import record_changes
from webhook_app.cli.support.local_processes import GUNICORN, ROOT
from webhook_app.config import settings
from webhook_app.web import listening

BIND_IGNORED = "Warning: --bind in GUNICORN_CMD_ARGS is ignored. Set BIND and PORT instead."


@click.command()
@click.option("--check", "checks_only", is_flag=True, help="Check whether it could start, and end.")
def web(*, checks_only: bool) -> None:
    """Start the receiver: a web server (gunicorn) that accepts webhooks on PORT.

    Changed shops are taken over by themselves, SIGHUP also takes over new code; neither refuses a webhook. Where
    anything is invalid it goes on as before.
    """
    config, _ = configuration.load(for_web=True)  # before gunicorn, so that faults end as messages of this command
    database_startup.refuse_split_disk(config, "web")
    if checks_only:
        import webhook_app.app  # noqa: F401, PLC0415 - whether its code can be loaded

        record_changes(config)
        click.echo(reloading.ACCEPTED)
        return
    opened = listening.sockets(config)
    with listening.closed_on_error(opened):
        database_startup.check_spool(config)
        database_startup.fit_web_processes(config, os.environ)
        database_startup.warn_receiver(settings.load())
        listening.pass_on(opened, os.environ)
        if listening.drop_bind(os.environ):
            click.echo(BIND_IGNORED, err=True)
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *GUNICORN])  # noqa: S606
