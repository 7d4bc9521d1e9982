"""The options that describe a tunnel, for `dev` and `tunnel`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from webhook_app.config import settings
from webhook_app.errors import TunnelRefusedError
from webhook_app.tunnels.base import TunnelOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.config.settings import Settings


def tunnel_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, and call it with the TunnelOptions they make as `options`."""
    added = [
        click.option("--tunnel-host", "host", default="", help="ssh: user@host or user@host:port."),
        click.option("--tunnel-remote", "remote", default="", help="ssh: [name:]port to listen on there; default: 80."),
        click.option("--tunnel-url", "url", default="", help="The public address, if known; {port} is the port there."),
        click.option("--tunnel-option", "extras", multiple=True, help="ssh: an -o option; others: an argument."),
    ]

    @functools.wraps(command)
    def decorated(*, host: str, remote: str, url: str, extras: tuple[str, ...], **others: Any) -> None:
        command(options=TunnelOptions(settings.load().port, host, remote, url.rstrip("/"), extras), **others)

    return functools.reduce(lambda function, option: option(function), reversed(added), decorated)


def refuse_other_address(config: Settings) -> None:
    """Refuse a tunnel to a receiver that does not listen where tunnels connect to. Raises TunnelRefusedError."""
    if config.bind not in ("127.0.0.1", "0.0.0.0", "::"):  # noqa: S104 - compared, not opened
        raise TunnelRefusedError(f"A tunnel connects to 127.0.0.1, where nothing listens: BIND is {config.bind}.")


def arguments(options: TunnelOptions) -> list[str]:
    """Return the command line options that make `options`."""
    values = {"host": options.host, "remote": options.remote, "url": options.url}
    extras = [f"--tunnel-option={option}" for option in options.options]
    return [*(f"--tunnel-{name}={value}" for name, value in values.items() if value), *extras]
