"""Starts the receiver, a worker and a sandbox as processes on this machine, for `run` and `dev`."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhook_app import logs
from webhook_app.cli.support import database_startup
from webhook_app.observability import metrics
from webhook_app.processes.supervisor import Supervisor

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop

ROOT = Path(__file__).parents[3]
SHOWN_VARIABLES = ("SHOPS_FILE", "DATABASE_URL", "PORT")
SANDBOX_PORT = click.option(
    "--sandbox-port",
    type=click.IntRange(1, 65535),
    default=8001,
    show_default=True,
    envvar="SANDBOX_PORT",
    help="Where the sandbox listens; also SANDBOX_PORT.",
)


def prepared_supervisor(config: Settings, known: dict[str, Shop], sandbox_port: int | None) -> Supervisor:
    """Migrate the database and return a supervisor for receiver and worker, and a sandbox where it has a port.

    Raises ClickException where a port is in use, or a shop would not deliver to the sandbox.
    """
    _refuse_taken_port(config.port, "PORT")
    if sandbox_port:
        _refuse_taken_port(sandbox_port, "--sandbox-port", config.port)
        _refuse_other_tweakwise(known)
    logs.configure(config.log_level, config.log_format)
    migrated = database_startup.migrate(config)
    database_startup.warn_of_temporary_disk(config)
    metrics.share(config)
    supervisor = Supervisor(ROOT)
    supervisor.environment.pop("DYNO", None)  # here both share a disk
    supervisor.environment.pop("METRICS_PORT", None)  # and the receiver serves the metrics of both
    if sandbox_port:
        _add_sandbox(supervisor, known, sandbox_port)
    supervisor.add("worker", ["worker"] if migrated else ["worker", "--migrate"])
    supervisor.add("web", ["web"], f"http://127.0.0.1:{config.port}/{'readyz' if migrated else 'healthz'}")
    return supervisor


def _add_sandbox(supervisor: Supervisor, known: dict[str, Shop], port: int) -> None:
    supervisor.environment["TWEAKWISE_URL"] = url = f"http://127.0.0.1:{port}"
    keys = [f"--instance-key={shop.instance_key}" for shop in known.values()]
    supervisor.add("sandbox", ["sandbox", f"--port={port}", *keys], f"{url}/healthz")


def command_line() -> str:
    """Return the command line that starts a command from here, with the variables it needs."""
    shown = [f"{name}={shlex.quote(os.environ[name])}" for name in SHOWN_VARIABLES if os.environ.get(name)]
    return " ".join([*shown, os.path.relpath(sys.executable), "-m webhook_app"])


def _refuse_taken_port(port: int, name: str, receiver_port: int | None = None) -> None:
    if port == receiver_port or not _is_free(port):
        raise click.ClickException(f"Port {port} is in use. Stop the program that uses it, or set another {name}.")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _refuse_other_tweakwise(known: dict[str, Shop]) -> None:
    elsewhere = [shop.name for shop in known.values() if shop.tweakwise_url]
    if elsewhere:
        raise click.ClickException(
            f"These shops set tweakwise_url, so the sandbox would not get their events: {', '.join(elsewhere)}. "
            "Remove the setting to deliver them to the sandbox."
        )
