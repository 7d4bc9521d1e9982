"""The options of `run --sandbox` and `dev`, and the environment that separates them from production."""

from __future__ import annotations

import functools
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook_app.cli.support import running_sandbox
from webhook_app.cli.support.running_sandbox import DEFAULT_FOLDER, FOLDER, RunningSandbox, name_of
from webhook_app.config.shop_documents import DEMO, DEMO_FILE
from webhook_app.config.validators import SQLITE
from webhook_app.dashboard.local_access import OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook_app.config.settings import Settings

LOOPBACK = "127.0.0.1"
# What belongs to production: events that it accepted while its database was down, the counts of its processes, and the
# sign that it is alive.
PRODUCTION = ("SPOOL", "PROMETHEUS_MULTIPROC_DIR", "HEARTBEAT_URL")


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """Where a sandbox listens, and which inbox the receiver beside it has."""

    port: int
    folder: Path
    database_url: str

    @property
    def url(self) -> str:
        """Return the sandbox's address."""
        return f"http://{LOOPBACK}:{self.port}"

    def tunnel_file(self, port: int) -> Path:
        """Return the file that is there while a tunnel to the receiver on that port is open."""
        return self.folder.absolute() / f"{port}.tunnel"

    def isolate(self) -> None:
        """Change this process's environment before it is read: an inbox for this port alone, and no open port."""
        port = os.environ.get("PORT") or "8000"
        url = self.database_url or f"{SQLITE}{self.folder / port}.db"
        given = os.environ.get("DATABASE_URL") or os.environ.pop("DATABASE_URL_FILE", None)
        if given not in (None, "", url):
            sentence = f"DATABASE_URL is not used: beside a sandbox the inbox is {name_of(url)}."
            click.echo(f"{sentence} SANDBOX_DATABASE_URL sets another.", err=True)
        os.environ["DATABASE_URL"] = url
        os.environ["BIND"] = os.environ.get("BIND") or LOOPBACK
        for name in PRODUCTION:
            os.environ.pop(name, None)
            os.environ.pop(f"{name}_FILE", None)
        if Path(DEMO_FILE).exists():
            os.environ[DEMO] = str(Path(DEMO_FILE).absolute())

    @contextmanager
    def announced(self, config: Settings) -> Iterator[None]:
        """Let commands in another terminal find this receiver and sandbox during the block."""
        environment = {
            "PORT": str(config.port),
            "BIND": config.bind,
            "DATABASE_URL": config.database_url,
            "TWEAKWISE_URL": self.url,
            OPEN: str(self.tunnel_file(config.port)),
        }
        if shops_file := os.environ.get("SHOPS_FILE"):
            environment["SHOPS_FILE"] = str(Path(shops_file).absolute())
        if demo := os.environ.get(DEMO):
            environment[DEMO] = demo
        running = RunningSandbox(config.port, self.url, config.database_url, environment, time.time())
        with running_sandbox.announced(running, self.folder):
            yield


def sandbox_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, and call it with the SandboxOptions they make as `sandbox`."""
    added = [
        click.option(
            "--sandbox-port",
            type=click.IntRange(1, 65535),
            default=8001,
            show_default=True,
            envvar="SANDBOX_PORT",
            help="Where the sandbox listens; also SANDBOX_PORT.",
        ),
        click.option(
            "--sandbox-database-url",
            default="",
            envvar="SANDBOX_DATABASE_URL",
            help="The inbox beside a sandbox, instead of a file for each PORT; also SANDBOX_DATABASE_URL.",
        ),
        click.option(
            "--sandbox-folder",
            type=click.Path(file_okay=False, path_type=Path),
            default=DEFAULT_FOLDER,
            show_default=True,
            envvar=FOLDER,
            help=f"Where such files are, and one that leads other commands here; also {FOLDER}.",
        ),
    ]

    @functools.wraps(command)
    def decorated(*, sandbox_port: int, sandbox_folder: Path, sandbox_database_url: str, **others: Any) -> None:
        command(sandbox=SandboxOptions(sandbox_port, sandbox_folder, sandbox_database_url), **others)

    return functools.reduce(lambda function, option: option(function), reversed(added), decorated)
