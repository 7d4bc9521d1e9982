"""Commands that serve: run, web, worker, migrate, sandbox."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook_app import logs
from webhook_app.cli import configuration, database
from webhook_app.config import settings
from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations
from webhook_app.observability import error_reporting, metrics
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.processes.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
SHOWN_VARIABLES = ("SHOPS_FILE", "DATABASE_URL", "PORT")


@click.command()
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Also start a local Tweakwise and deliver to that.")
@click.option("--sandbox-port", type=click.IntRange(1, 65535), default=8001, show_default=True, envvar="SANDBOX_PORT")
def run(*, with_sandbox: bool, sandbox_port: int) -> None:
    """Start web and worker in one go, and apply migrations first.

    For one machine, for trying things out, and for small hosts where web and worker share a disk. Stops everything
    on Ctrl-C, and also when one of them ends.
    """
    config, known = configuration.load()
    sandbox_url = f"http://127.0.0.1:{sandbox_port}" if with_sandbox else None
    supervisor = supervised(config, known, sandbox_port if with_sandbox else None)
    sys.exit(supervisor.run(_banner(config, known, sandbox_url)))


def supervised(config: Settings, known: dict[str, Shop], sandbox_port: int | None) -> Supervisor:
    """Migrate, and return what will start web and worker, and a sandbox where it has a port.

    Raises ClickException where a port is taken, or a shop would not deliver to the sandbox.
    """
    from webhook_app.processes.supervisor import Supervisor  # noqa: PLC0415 - no other command needs it

    _refuse_taken_port(config.port, "PORT")
    if sandbox_port:
        _refuse_taken_port(sandbox_port, "--sandbox-port", config.port)
        _refuse_other_tweakwise(known)
    logs.configure(config.log_level, config.log_format)
    migrated = database.migrated(config)
    _warn_of_a_forgetful_disk(config)
    metrics.share(config)
    supervisor = Supervisor(ROOT)
    supervisor.environment.pop("DYNO", None)  # here web and worker do share a disk
    supervisor.environment.pop("METRICS_PORT", None)  # and web answers for both
    if sandbox_port:
        supervisor.environment["TWEAKWISE_URL"] = url = f"http://127.0.0.1:{sandbox_port}"
        keys = [f"--instance-key={shop.instance_key}" for shop in known.values()]
        supervisor.add("sandbox", ["sandbox", f"--port={sandbox_port}", *keys], f"{url}/healthz")
    supervisor.add("worker", ["worker"] if migrated else ["worker", "--migrate"])
    supervisor.add("web", ["web"], f"http://127.0.0.1:{config.port}/{'readyz' if migrated else 'healthz'}")
    return supervisor


@click.command()
def web() -> None:
    """Start the web server (gunicorn) that receives webhooks, on PORT."""
    # Read here so that a fault is told by this command, and not by gunicorn.
    config, _ = configuration.load()
    _refuse_split_disk(config, "web")
    database.check_spool(config)
    database.warn(config)
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py"])  # noqa: S606


@click.command()
@click.option("--migrate", "migrates", is_flag=True, help="First bring the database to the current shape.")
def worker(*, migrates: bool) -> None:
    """Start a worker that delivers what was received. Any number may run at once."""
    from webhook_app.worker_factory import make_worker  # noqa: PLC0415 - keeps the other commands quick

    config, known = configuration.load()
    _refuse_split_disk(config, "worker")
    error_reporting.configure(config)
    if migrates:
        database.migrate_when_there(config)
    else:
        database.warn_worker(config)
    metrics.share(config)
    working = make_worker(config, known)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: working.stop())
    working.run()


@click.command()
def migrate() -> None:
    """Bring the database to the current shape; does nothing when it is."""
    with closing(Inbox.configured(settings.load())) as inbox:
        done = migrations.is_current(inbox.database)
        migrations.upgrade(inbox.database)
    click.echo(f"{'Nothing to do' if done else 'Migrated'}: the database is at {migrations.head()}.")


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8001, show_default=True)
@click.option("--instance-key", "instance_keys", multiple=True, help="Accept only these keys (repeatable).")
@click.option(
    "--catalogue",
    type=click.File(encoding="utf-8"),
    help="A file with one product key a line; keys that are not in it are reported as unknown.",
)
@click.option("--max-profiles", type=click.IntRange(1), default=10_000, show_default=True)
def sandbox(port: int, instance_keys: tuple[str, ...], catalogue: Any, max_profiles: int) -> None:
    """Start a local imitation of the Tweakwise Analytics API, on 127.0.0.1, with pages to look at.

    It is not Tweakwise: it keeps what it gets in memory, and can be told to be slow, to fail or to refuse.
    """
    from webhook_app.sandbox.serve import serve  # noqa: PLC0415 - only this command loads Flask

    keys = {line.strip() for line in catalogue or () if line.strip()}
    serve(port, instance_keys, keys, max_profiles)


def _refuse_taken_port(port: int, name: str, ours: int | None = None) -> None:
    """Refuse a port that something listens on, or that is to be `ours` too."""
    if port == ours or not _is_free(port):
        raise click.ClickException(f"Port {port} is in use; end what uses it, or choose another ({name}).")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _refuse_split_disk(config: Settings, command: str) -> None:
    if _has_forgetful_disk(config):
        raise click.ClickException(
            f"Heroku's dynos do not share a disk: with SQLite, `{command}` on its own would lose every event. "
            "Add a database: `heroku addons:create heroku-postgresql:essential-0`."
        )


def _has_forgetful_disk(config: Settings) -> bool:
    path = config.database_url.removeprefix(settings.SQLITE)
    return path != config.database_url and settings.is_ephemeral(path)


def _warn_of_a_forgetful_disk(config: Settings) -> None:
    if _has_forgetful_disk(config):
        click.echo("Warning: a dyno's disk is emptied at every restart; undelivered events go with it.", err=True)


def _refuse_other_tweakwise(known: dict[str, Shop]) -> None:
    elsewhere = [shop.name for shop in known.values() if shop.tweakwise_url]
    if elsewhere:
        raise click.ClickException(
            f"--sandbox: these shops have a tweakwise_url of their own: {', '.join(elsewhere)}. "
            "Take it out, or their events would go there and not to the sandbox."
        )


def command_line() -> str:
    """Write how commands of ours are called here, with the variables that they need."""
    shown = [f"{name}={shlex.quote(os.environ[name])}" for name in SHOWN_VARIABLES if os.environ.get(name)]
    return " ".join([*shown, os.path.relpath(sys.executable), "-m webhook_app"])


def _banner(config: Settings, known: dict[str, Shop], sandbox_url: str | None) -> str:
    command = command_line()
    first = next(iter(known.values()))
    topic = all_platforms()[first.platform].topics[0].name
    base = f"http://127.0.0.1:{config.port}"
    urls = [f"  {base}/webhooks/{shop.platform}/{shop.name}" for shop in known.values()]
    arrived = [f"What arrived at the local Tweakwise: {sandbox_url}/"] if sandbox_url else []
    dashboard = [f"Dashboard: {base}/dashboard"] if config.dashboard_password else []
    return "\n".join(
        [
            "",
            "Ready. Webhook URLs:",
            *urls,
            "",
            *arrived,
            *dashboard,
            f"What was received:  {command} list",
            f"Send a sample:      {command} send-sample {first.platform} {topic}",
            "",
            "Ctrl-C stops everything.",
            "",
        ]
    )
