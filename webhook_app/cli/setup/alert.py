"""`alert`: what would be an alert now, and whether a notification arrives."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from webhook_app import logs
from webhook_app.alerts import messages, recipients
from webhook_app.cli.support import configuration
from webhook_app.health.evaluation import Health
from webhook_app.health.measure import Subject
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop


@click.command()
@click.option("--test", "tests", is_flag=True, help="Send a test message to each address for alerts.")
def alert(*, tests: bool) -> None:
    """Evaluate the alert rules and print what would be an alert; sends nothing, except a test message with --test.

    The exit code is 1 if there would be an alert, or if the test message could not be delivered.
    """
    config, known = configuration.load()
    logs.configure(config.log_level, config.log_format)
    if tests:
        _send_test_message(config, known)
        return
    with closing(Inbox.configured(config)) as inbox:
        found = [one for one in Health(Subject(config, known, all_platforms(), inbox)).evaluate() if one.is_alert]
    for finding in found:
        click.echo(f"{finding.text}{f' For example delivery {finding.sample}.' if finding.sample else ''}")
    if found:
        raise SystemExit(1)
    click.echo("No alerts.")


def _send_test_message(config: Settings, shops: Mapping[str, Shop]) -> None:
    found = recipients.configured(config, shops)
    if not found:
        raise click.ClickException("ALERT_URL is not set, so alerts are not sent anywhere.")
    accepted = [one.sender.send(messages.test_message([one.shop] if one.shop else shops)) for one in found]
    if not all(accepted):
        count = f"{accepted.count(False)} of {len(accepted)} test messages" if len(accepted) > 1 else "The test message"
        raise click.ClickException(f"{count} could not be delivered. See the warning above.")
    click.echo("Test message accepted." if len(accepted) == 1 else f"{len(accepted)} test messages accepted.")
