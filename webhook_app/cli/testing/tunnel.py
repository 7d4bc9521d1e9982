"""`tunnel`: makes the receiver reachable from outside."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhook_app import logs
from webhook_app.cli.support import tunnel_marker
from webhook_app.cli.support.tunnel_options import refuse_other_address, tunnel_options
from webhook_app.config import network, settings
from webhook_app.dashboard.local_access import OPEN
from webhook_app.processes.supervisor import is_ready
from webhook_app.tunnels import TUNNELS
from webhook_app.tunnels.runner import TunnelRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.tunnels.base import TunnelOptions


@click.command()
@click.argument("name", metavar="TUNNEL", type=click.Choice([*TUNNELS]))
@tunnel_options
def tunnel(*, name: str, options: TunnelOptions) -> None:
    """Open a tunnel to the receiver on PORT, and open it again whenever it breaks.

    TUNNEL is ssh, cloudflared or ngrok. Use it beside `run`; `dev --tunnel` includes it. A dashboard
    without a password, as beside a sandbox, is closed meanwhile.
    """
    config = settings.load()
    network.share(config)
    refuse_other_address(config)
    logs.configure(config.log_level, config.log_format)
    runner = TunnelRunner(TUNNELS[name], options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.stop())
    url = f"{config.local_url}/healthz"
    if not is_ready(url):
        logs.logger().info("tunnel_waiting", hint=f"Nothing answers on port {config.port} yet.")
    with _closed_dashboard():
        runner.run(lambda: is_ready(url))


@contextmanager
def _closed_dashboard() -> Iterator[None]:
    """Close a dashboard that is open without a password, as it is beside a sandbox, for the time of the block."""
    path = os.environ.get(OPEN)
    if not path:
        yield
        return
    with tunnel_marker.held(Path(path)):
        yield
