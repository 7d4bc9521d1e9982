"""The command line: python -m webhook_app <command>. Each module of a group's package is one command."""

from __future__ import annotations

import click

from webhook_app import __version__, reloading
from webhook_app.cli.commands import CommandGroups
from webhook_app.cli.support import running_sandbox
from webhook_app.config import env_file


@click.group(cls=CommandGroups, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tweakwise-webhook-receiver")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Receive signed webhooks of shop platforms and deliver them to Tweakwise.

    Start with `check`: it reads the configuration and prints the webhook URL of each shop. `dev` starts everything
    for testing and shows what happens. `run` starts the receiver and a worker together; `web` and `worker` start them
    separately. `status`, `list`, `tail` and `show` report what arrived and what became of it; `replay` and `discard`
    handle what could not be sent.

    Exit codes: 0 success, 1 a problem was found and printed, 2 wrong usage.
    """
    reloading.read_when_valid(env_file.load, ctx.invoked_subcommand or "")
    if ctx.invoked_subcommand in running_sandbox.COMMANDS:
        running_sandbox.use()
