"""`run`: the receiver and a worker on one machine, with a sandbox if asked for."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration
from webhook_app.cli.support.local_processes import (
    OWN_VARIABLES,
    command_line,
    dashboard_line,
    is_container,
    prepared_supervisor,
)
from webhook_app.cli.support.sandbox_options import sandbox_options
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from webhook_app.cli.support.sandbox_options import SandboxOptions
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop


@click.command()
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Also start the sandbox and deliver to it.")
@sandbox_options
def run(*, with_sandbox: bool, sandbox: SandboxOptions) -> None:
    """Start the receiver and a worker together, and apply migrations first.

    For one machine: to try things out, and for small hosts where both share a disk. Ctrl-C stops everything; when one
    process ends by itself, the others are stopped too; one that is killed starts again. With --sandbox only this
    machine reaches it (BIND changes that), and DATABASE_URL is not used: the inbox is another one.
    """
    used = sandbox if with_sandbox else None
    if used:
        used.isolate()
    config, known = configuration.load(for_web=True)
    supervisor = prepared_supervisor(config, known, used)
    with used.announced(config) if used else nullcontext():
        code = supervisor.run(_banner(config, known, used))
    sys.exit(code)


def _banner(config: Settings, known: dict[str, Shop], sandbox: SandboxOptions | None) -> str:
    command, first = command_line(*(() if sandbox else OWN_VARIABLES)), next(iter(known.values()))
    topic = all_platforms()[first.platform].topics[0].name
    base, dashboard = config.local_url, dashboard_line(config, known, with_sandbox=sandbox is not None)
    lines = [
        "",
        f"Ready. {dashboard}" if dashboard else None,
        "" if dashboard else None,
        "Webhook URLs:" if dashboard else "Ready. Webhook URLs:",
        *(f"  {base}/webhooks/{shop.platform}/{shop.name}" for shop in known.values()),
        "",
        f"What arrived at the sandbox: {sandbox.url}/" if sandbox else None,
        "Commands, within the container (docker exec, podman exec, kubectl exec):" if is_container() else None,
        f"What was received:  {command} list",
        f"Send a sample:      {command} send-sample {first.platform} {topic}",
        "",
        "Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(line for line in lines if line is not None)
