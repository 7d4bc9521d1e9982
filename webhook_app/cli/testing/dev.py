"""`dev`: everything for testing in one terminal, with a line for each event."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration, shop_instructions
from webhook_app.cli.support.local_processes import command_line, dashboard_line, prepared_supervisor
from webhook_app.cli.support.log_reader import LogReader
from webhook_app.cli.support.sandbox_options import sandbox_options
from webhook_app.cli.support.terminal import colours
from webhook_app.cli.support.tunnel_options import arguments, refuse_other_address, tunnel_options
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms
from webhook_app.tunnels import TUNNELS
from webhook_app.tunnels.base import TunnelOptions
from webhook_app.tunnels.runner import TunnelRunner

if TYPE_CHECKING:
    from webhook_app.cli.support.sandbox_options import SandboxOptions
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop

STEPS = "Step by step, for each platform: docs/local-testing.md"

# Through a tunnel, or from another machine, anyone could open it.
CLOSED = "The dashboard is closed, since others could open it: set DASHBOARD_PASSWORD."


@click.command()
@click.option("--tunnel", "name", type=click.Choice([*TUNNELS]), help="Make it reachable from outside through this.")
@tunnel_options
@sandbox_options
def dev(*, name: str | None, options: TunnelOptions, sandbox: SandboxOptions) -> None:
    """Start everything for testing, and print a line for each event.

    That is: the receiver, a worker, a sandbox in Tweakwise's place and, with --tunnel, a tunnel from outside that is
    opened again when it breaks. It prints what to paste into each shop. Without shops.toml the demo shops are used.
    Ctrl-C stops everything. Only this machine and the tunnel reach it (BIND changes that), and DATABASE_URL is not
    used: the inbox is another one.

    \b
    dev
    dev --tunnel ssh --tunnel-host nokey@localhost.run
    dev --tunnel ssh --tunnel-host me@example.com --tunnel-remote 127.0.0.1:9000 --tunnel-url https://hooks.example.com
    dev --tunnel cloudflared
    """  # noqa: D301 - \b keeps click from joining the lines
    sandbox.isolate()
    config, known = configuration.load(for_web=True)
    _refuse_bad_tunnel(name, options, config)
    supervisor = prepared_supervisor(config, known, sandbox)
    supervisor.environment |= {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json"}
    supervisor.environment.setdefault("WEB_CONCURRENCY", "1")
    if name:
        supervisor.add("tunnel", ["tunnel", name, *arguments(options)])
    with sandbox.announced(config), closing(Inbox.configured(config)) as inbox:
        reader = LogReader(inbox, _print, lambda url, moved: _print_address(url, known, moved=moved), _widths(known))
        supervisor.capture_output(lambda descriptor: _read_logs(reader, descriptor))
        code = supervisor.run(_banner(config, sandbox.url, known, name))
    sys.exit(code)


def _refuse_bad_tunnel(name: str | None, options: TunnelOptions, config: Settings) -> None:
    """Refuse a tunnel that cannot work before anything starts. Raises TunnelRefusedError, UsageError."""
    if name:
        refuse_other_address(config)
        TunnelRunner(TUNNELS[name], options)
    elif options != TunnelOptions(config.port):
        raise click.UsageError("The --tunnel-* options need --tunnel, which selects the tunnel.")


def _widths(known: dict[str, Shop]) -> tuple[int, int]:
    topics = [topic.name for shop in known.values() for topic in all_platforms()[shop.platform].topics]
    return max(map(len, known)), max(map(len, topics))


def _banner(config: Settings, sandbox_url: str, known: dict[str, Shop], tunnel_name: str | None) -> str:
    base = config.local_url
    lines = [
        "",
        f"Ready. {dashboard_line(config, known, with_sandbox=not tunnel_name) or CLOSED}",
        "Webhook URLs on this machine:",
        *(f"  {base}/webhooks/{shop.platform}/{shop.name}" for shop in known.values()),
        f"What arrives at the sandbox: {sandbox_url}/",
        f"Send samples: {command_line()} send-sample --all",
        f"The {tunnel_name} tunnel is opening." if tunnel_name else "Not reachable from outside; see --tunnel.",
        "Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)


def _print_address(url: str, known: dict[str, Shop], *, moved: bool) -> None:
    change = " now: the earlier address no longer works." if moved else "."
    _print("")
    _print(click.style(f"Reachable from outside at {url}{change} Paste:", bold=True))
    for shop in known.values():
        _print("\n".join(shop_instructions.instructions(shop, url)))
    _print(f"{STEPS}\n")


def _read_logs(reader: LogReader, descriptor: int) -> None:
    """Read until all processes have ended; ends them where the output is closed."""
    try:
        reader.read(descriptor)
    except OSError:
        os.kill(os.getpid(), signal.SIGTERM)


def _print(line: str) -> None:
    click.echo(line, color=colours())
