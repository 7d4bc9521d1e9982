"""`run`: the receiver and a worker on one machine, with a sandbox if asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration
from webhook_app.cli.support.local_processes import SANDBOX_PORT, command_line, prepared_supervisor
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop


@click.command()
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Also start the sandbox and deliver to it.")
@SANDBOX_PORT
def run(*, with_sandbox: bool, sandbox_port: int) -> None:
    """Start the receiver and a worker together, and apply migrations first.

    For one machine: to try things out, and for small hosts where both share a disk. Ctrl-C stops everything; when one
    process ends by itself, the others are stopped too.
    """
    config, known = configuration.load()
    supervisor = prepared_supervisor(config, known, sandbox_port if with_sandbox else None)
    sandbox_url = f"http://127.0.0.1:{sandbox_port}/" if with_sandbox else ""
    sys.exit(supervisor.run(_banner(config, known, sandbox_url)))


def _banner(config: Settings, known: dict[str, Shop], sandbox_url: str) -> str:
    command, first = command_line(), next(iter(known.values()))
    topic = all_platforms()[first.platform].topics[0].name
    base = f"http://127.0.0.1:{config.port}"
    lines = [
        "",
        "Ready. Webhook URLs:",
        *(f"  {base}/webhooks/{shop.platform}/{shop.name}" for shop in known.values()),
        "",
        f"What arrived at the sandbox: {sandbox_url}" if sandbox_url else None,
        f"Dashboard: {base}/dashboard" if config.dashboard_password else None,
        f"What was received:  {command} list",
        f"Send a sample:      {command} send-sample {first.platform} {topic}",
        "",
        "Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(line for line in lines if line is not None)
