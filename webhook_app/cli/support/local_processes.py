"""Starts the receiver, a worker and a sandbox as processes on this machine, for `run` and `dev`."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhook_app import logs
from webhook_app.cli.support import temporary_disk, tunnel_marker
from webhook_app.cli.support.sandbox_options import LOOPBACK
from webhook_app.config import env_file, users
from webhook_app.config.validators import SQLITE
from webhook_app.dashboard.local_access import OPEN, is_loopback
from webhook_app.observability import metrics
from webhook_app.processes.supervisor import Supervisor, is_ready
from webhook_app.web import listening

if TYPE_CHECKING:
    from webhook_app.cli.support.sandbox_options import SandboxOptions
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop

ROOT = Path(__file__).parents[3]
OWN_VARIABLES = (
    "ENV_FILE",
    "SHOPS_FILE",
    "DATABASE_URL",
    "PORT",
    "BIND",
)  # what a command needs to reach this receiver


def prepared_supervisor(config: Settings, known: dict[str, Shop], sandbox: SandboxOptions | None) -> Supervisor:
    """Return a supervisor for receiver and worker, and for a sandbox where one is wanted.

    The receiver migrates the database: this process loads nothing that needs it. The receiver's port is taken at once,
    so that no other program gets it first. Raises ConfigurationError where it is in use, ClickException where the
    sandbox's is, or a shop would not deliver to the sandbox.
    """
    opened = listening.sockets(config)
    with listening.closed_on_error(opened):
        if sandbox:
            _refuse_taken_port(sandbox.port, config.port)
            _refuse_other_tweakwise(known)
        logs.configure(config.log_level, config.log_format)
        temporary_disk.warn(config)
        metrics.share(config)
        supervisor = Supervisor(ROOT)
        supervisor.environment.pop("DYNO", None)  # here both share a disk
        supervisor.environment.pop("METRICS_PORT", None)  # and the receiver serves the metrics of both
        if sandbox:
            _add_sandbox(supervisor, sandbox)
            _open_dashboard(supervisor, sandbox.tunnel_file(config.port))
        listening.pass_on(opened, supervisor.environment)
        ready = partial(listening.answers, opened[0].family, opened[0].getsockname(), "/healthz")
        supervisor.add("web", ["web", "--migrate"], ready, reloads=True, sockets=opened)
        supervisor.add("worker", ["worker", "--migrate"], reloads=True)
    return supervisor


def _add_sandbox(supervisor: Supervisor, sandbox: SandboxOptions) -> None:
    supervisor.environment["TWEAKWISE_URL"] = sandbox.url
    supervisor.environment.pop("TWEAKWISE_URL_FILE", None)
    supervisor.add(
        "sandbox", ["sandbox", f"--port={sandbox.port}", "--shops"], partial(is_ready, f"{sandbox.url}/healthz")
    )


def _open_dashboard(supervisor: Supervisor, tunnel_file: Path) -> None:
    """Let browsers of this machine use the dashboard without a password, where none is set."""
    tunnel_marker.remove_stale(tunnel_file)
    supervisor.environment[OPEN] = str(tunnel_file)


def dashboard_line(config: Settings, known: dict[str, Shop], *, with_sandbox: bool) -> str:
    """Return a line about the dashboard, which `run` and `dev` print first; "" where there is none."""
    address = f"Dashboard: {config.local_url}/dashboard"
    if config.dashboard_password or users.load(known, config):
        return address
    if with_sandbox and is_loopback(config.bind):
        return f"{address}  (on this machine alone, without a password)"
    return ""


def command_line(*variables: str) -> str:
    """Return the command line that starts a command from here, with those of the variables that are set.

    Those that the environment file sets are read there by the command too. It is printed into logs: an address that may
    hold a password is left to the shell. What `docker exec` and the like start in a container has its variables.
    """
    if is_container():
        return f"{_python()} -m webhook_app"
    in_file = env_file.marked(os.environ)
    shown = [f"{name}={_quoted(name)}" for name in variables if os.environ.get(name) and name not in in_file]
    return " ".join([*shown, os.path.relpath(sys.executable), "-m webhook_app"])


def is_container() -> bool:
    """Return whether this is the first process of a container."""
    return os.getpid() == 1


def _python() -> str:
    found = shutil.which("python")
    return "python" if found and Path(found) == Path(sys.executable) else sys.executable


def _quoted(name: str) -> str:
    value = os.environ[name]
    return '"$DATABASE_URL"' if name == "DATABASE_URL" and not value.startswith(SQLITE) else shlex.quote(value)


def _refuse_taken_port(port: int, receiver_port: int) -> None:
    if port == receiver_port or not _is_free(port):
        raise click.ClickException(
            f"Port {port} is in use. Stop the program that uses it, or set another: --sandbox-port, or "
            f"SANDBOX_PORT={listening.free_port(LOOPBACK, port, receiver_port)}"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
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
