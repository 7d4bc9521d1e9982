"""Commands for testing on one's own machine: dev, tunnel."""

from __future__ import annotations

import functools
import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook_app import logs
from webhook_app.cli import colours, configuration
from webhook_app.cli.hearing import Hearing
from webhook_app.cli.serving import command_line, supervised
from webhook_app.cli.setup import tell_shop
from webhook_app.config import settings, shops
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms
from webhook_app.tunnels import TUNNELS
from webhook_app.tunnels.base import TunnelOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.config.shops import Shop

DEMO = "shops.demo.toml"
STEPS = "Step by step, for each platform: docs/local-testing.md"


def wishing(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how a tunnel is to be, and call it with the `options` they make."""
    options = [
        click.option("--tunnel-host", "host", default="", help="ssh: user@host or user@host:port."),
        click.option("--tunnel-remote", "remote", default="", help="ssh: [name:]port to listen on there; default: 80."),
        click.option("--tunnel-url", "url", default="", help="The public address, if known; {port} is the port there."),
        click.option("--tunnel-option", "extras", multiple=True, help="ssh: an -o option; others: an argument."),
    ]

    @functools.wraps(command)
    def called(*, host: str, remote: str, url: str, extras: tuple[str, ...], **others: Any) -> None:
        command(options=TunnelOptions(settings.load().port, host, remote, url.rstrip("/"), extras), **others)

    return functools.reduce(lambda function, option: option(function), reversed(options), called)


@click.command()
@click.option("--tunnel", "name", type=click.Choice([*TUNNELS]), help="Make it reachable from outside, through this.")
@wishing
@click.option("--sandbox-port", type=click.IntRange(1, 65535), default=8001, show_default=True, envvar="SANDBOX_PORT")
def dev(*, name: str | None, options: TunnelOptions, sandbox_port: int) -> None:
    """Start everything for testing, and tell what happens, one line an event.

    That is: web, worker, a sandbox in Tweakwise's place and, with --tunnel, a way in from outside, which is opened
    again when it breaks. It prints what to paste into each shop. Without shops.toml the demo shops are used. Ctrl-C
    stops everything.

    \b
    dev
    dev --tunnel ssh --tunnel-host nokey@localhost.run
    dev --tunnel ssh --tunnel-host me@example.com --tunnel-remote 127.0.0.1:9000 --tunnel-url https://hooks.example.com
    dev --tunnel cloudflared
    """  # noqa: D301 - \b keeps click from joining the lines
    _take_demo_shops()
    config, known = configuration.load()
    if name:
        _keeper(name, options)
    elif options != TunnelOptions(config.port):
        raise click.UsageError("--tunnel says which tunnel the other --tunnel-options are for.")
    supervisor = supervised(config, known, sandbox_port)
    supervisor.environment |= {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json"}
    supervisor.environment.setdefault("WEB_CONCURRENCY", "1")
    if name:
        supervisor.add("tunnel", ["tunnel", name, *_arguments(options)])
    with closing(Inbox.configured(config)) as inbox:
        hearing = Hearing(inbox, _tell, lambda url, moved: _tell_address(url, known, moved=moved), _widths(known))
        supervisor.listen(lambda ear: _listen(hearing, ear))
        code = supervisor.run(_banner(config.port, sandbox_port, known, name))
    sys.exit(code)


@click.command()
@click.argument("name", metavar="TUNNEL", type=click.Choice([*TUNNELS]))
@wishing
def tunnel(*, name: str, options: TunnelOptions) -> None:
    """Open a tunnel to the receiver on PORT, and open it again whenever it breaks.

    TUNNEL is ssh, cloudflared or ngrok. `dev` does this too; this is for beside `run`.
    """
    from webhook_app.processes.supervisor import is_ready  # noqa: PLC0415 - no other command needs it

    config = settings.load()
    logs.configure(config.log_level, config.log_format)
    keeper = _keeper(name, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: keeper.stop())
    url = f"http://127.0.0.1:{config.port}/healthz"
    if not is_ready(url):
        logs.logger().info("tunnel_waiting", hint=f"Nothing answers on port {config.port} yet.")
    keeper.run(lambda: is_ready(url))


def _keeper(name: str, options: TunnelOptions) -> Any:
    """Return what keeps the tunnel open; raises TunnelRefusedError where it cannot."""
    from webhook_app.tunnels.runner import TunnelRunner  # noqa: PLC0415 - no other command needs it

    return TunnelRunner(TUNNELS[name], options)


def _arguments(options: TunnelOptions) -> list[str]:
    extras = [f"--tunnel-option={option}" for option in options.options]
    said = {"host": options.host, "remote": options.remote, "url": options.url}
    return [*(f"--tunnel-{name}={value}" for name, value in said.items() if value), *extras]


def _take_demo_shops() -> None:
    """Let the demo shops stand in where nobody has written any."""
    said = os.environ.get("SHOPS") or os.environ.get("SHOPS_FILE")
    if not said and not Path(shops.DEFAULT_FILE).exists() and Path(DEMO).exists():
        os.environ["SHOPS_FILE"] = DEMO


def _widths(known: dict[str, Shop]) -> tuple[int, int]:
    topics = [topic.name for shop in known.values() for topic in all_platforms()[shop.platform].topics]
    return max(map(len, known)), max(map(len, topics))


def _banner(port: int, sandbox_port: int, known: dict[str, Shop], tunnel_name: str | None) -> str:
    base = f"http://127.0.0.1:{port}"
    urls = [f"  {base}/webhooks/{shop.platform}/{shop.name}" for shop in known.values()]
    outside = f"The {tunnel_name} tunnel is opening." if tunnel_name else "Not reachable from outside; see --tunnel."
    return "\n".join(
        [
            "",
            "Ready. On this machine:",
            *urls,
            f"What arrives at the local Tweakwise: http://127.0.0.1:{sandbox_port}/",
            f"Send samples: {command_line()} send-sample --all",
            outside,
            "Ctrl-C stops everything.",
            "",
        ]
    )


def _tell_address(url: str, known: dict[str, Shop], *, moved: bool) -> None:
    now = " now: what was pasted before is of no use any more." if moved else "."
    _tell("")
    _tell(click.style(f"Reachable from outside at {url}{now} Paste:", bold=True))
    for shop in known.values():
        tell_shop(shop, url, _tell)
    _tell(f"{STEPS}\n")


def _listen(hearing: Hearing, ear: int) -> None:
    """Listen until all children have ended; where nobody reads what we tell, end them."""
    try:
        hearing.listen(ear)
    except OSError:
        os.kill(os.getpid(), signal.SIGTERM)


def _tell(line: str) -> None:
    click.echo(line, color=colours.wanted())
