"""`web`: the receiver."""

from __future__ import annotations

import os
import runpy
import sys
from typing import TYPE_CHECKING

import click

from webhook_app import reloading
from webhook_app.cli.support import configuration, database_startup, temporary_disk, whole_code
from webhook_app.cli.support.changed_shops import record_changes
from webhook_app.cli.support.local_processes import ROOT
from webhook_app.config import settings
from webhook_app.web import listening
from webhook_app.web.reload import GUNICORN

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings

BIND_IGNORED = "Warning: --bind in GUNICORN_CMD_ARGS is ignored. Set BIND and PORT instead."


@click.command()
@click.option("--migrate", "migrates", is_flag=True, help="Migrate the database first, if it answers.")
@click.option("--check", "checks_only", is_flag=True, help="Check whether it could start, and end.")
def web(*, migrates: bool, checks_only: bool) -> None:
    """Start the receiver: a web server (gunicorn) that accepts webhooks on PORT.

    Changed shops are taken over by themselves, SIGHUP also takes over new code; neither refuses a webhook. Where
    anything is invalid it goes on as before.
    """
    config, _ = configuration.load(for_web=True)  # before gunicorn, so that faults end as messages of this command
    temporary_disk.refuse(config, "web")
    if checks_only:
        check_server(config)
        whole_code.load()
        record_changes(config)
        click.echo(reloading.ACCEPTED)
        return
    opened = listening.sockets(config)
    with listening.closed_on_error(opened):
        _prepare_database(config, migrates=migrates)
    listening.pass_on(opened, os.environ)
    for one in opened:
        one.detach()
    if listening.drop_bind(os.environ):
        click.echo(BIND_IGNORED, err=True)
    os.chdir(ROOT)
    sys.argv = ["", *GUNICORN]
    runpy.run_module("gunicorn", run_name="__main__", alter_sys=True)  # not a new Python, which would load all again


def check_server(config: Settings) -> None:
    """End with a message where gunicorn's own variable, which `.env` may have too, would end the new program."""
    from gunicorn.config import Config  # noqa: PLC0415 - a start loads it later

    listening.refuse_other_server(config)
    server = Config()
    arguments = server.parser().parse_args(server.get_cmd_args_from_env())
    for name, value in vars(arguments).items():
        if name in server.settings and value is not None:
            server.set(name, value)


def _prepare_database(config: Settings, *, migrates: bool) -> None:
    if migrates:
        database_startup.migrate(config)
    database_startup.check_spool(config)
    database_startup.fit_web_processes(config, os.environ)
    if not migrates:
        database_startup.warn_receiver(settings.load())
