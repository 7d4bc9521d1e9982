"""`open`: prints the dashboard's address."""

from __future__ import annotations

import os
import webbrowser

import click

from webhook_app.cli.support import configuration
from webhook_app.config import users
from webhook_app.dashboard.local_access import OPEN, is_loopback
from webhook_app.web import listening

CLOSED = (
    "There is no dashboard: set DASHBOARD_PASSWORD (make one with: openssl rand -base64 18), or write [users.<name>] "
    "beside the shops, and restart."
)


@click.command("open")
@click.option("--browser", is_flag=True, help="Open it in the browser of this machine, too.")
def open_(*, browser: bool) -> None:
    """Print the address of the dashboard: PUBLIC_URL where it is set, else that on this machine."""
    config, known = configuration.load()
    here = bool(os.environ.get(OPEN)) and is_loopback(config.bind)
    if not (here or config.dashboard_password or users.load(known, config)):
        raise click.ClickException(CLOSED)
    address = f"{(config.public_url or config.local_url).rstrip('/')}/dashboard"
    click.echo(address)
    if not listening.is_answered(config.bind, config.port, "/healthz"):
        where = config.bind if config.socket_path else f"on port {config.port} of this machine"
        click.echo(f"Nothing answers {where}: start `run` first.", err=True)
    if browser and not webbrowser.open(address):
        click.echo("No browser could be started.", err=True)
