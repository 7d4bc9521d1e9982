"""The command about alerts: what would be one now, and whether a message arrives."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from webhook_app import logs
from webhook_app.alerts import evaluator
from webhook_app.cli import configuration
from webhook_app.inbox import Inbox


@click.command()
@click.option("--test", "tests", is_flag=True, help="Post a test message to ALERT_URL, signed as alerts are.")
def alert(*, tests: bool) -> None:
    """Tell what would be an alert now, and post nothing; with --test, post a message that says it is a test.

    The exit code is 1 when anything is worth an alert, or when nobody took the test message.
    """
    config, known = configuration.load()
    logs.configure(config.log_level, config.log_format)
    if tests:
        if not config.alert_url:
            raise click.ClickException("ALERT_URL is not set: there is nobody to tell.")
        if not evaluator.notifier(config, config.alert_url).send(evaluator.test_message(known)):
            raise click.ClickException("Nobody took the message; the line above says why.")
        click.echo("Somebody took the message.")
        return
    with closing(Inbox.configured(config)) as inbox:
        found = evaluator.findings(inbox, known, evaluator.thresholds(config))
    for finding in found:
        click.echo(f"{finding.text}{f' For example delivery {finding.sample}.' if finding.sample else ''}")
    click.echo("" if found else "Nothing is worth an alert.", nl=not found)
    sys.exit(1 if found else 0)
