"""The command line: python -m webhook_app <command>."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import click

from webhook_app.cli import colours
from webhook_app.cli.alerting import alert
from webhook_app.cli.changing import discard, replay
from webhook_app.cli.deliveries import list_, show
from webhook_app.cli.developing import dev, tunnel
from webhook_app.cli.examining import doctor
from webhook_app.cli.exporting import export
from webhook_app.cli.matching import match
from webhook_app.cli.moving import move
from webhook_app.cli.samples import send_sample
from webhook_app.cli.serving import migrate, run, sandbox, web, worker
from webhook_app.cli.setup import check, platforms
from webhook_app.cli.status import status
from webhook_app.cli.tailing import tail
from webhook_app.cli.verifying import verify
from webhook_app.errors import ConfigurationError, StoreUnavailableError, TunnelRefusedError

if TYPE_CHECKING:
    from click import Context


class _Commands(click.Group):
    """Turns errors of ours into a sentence and an exit code, never into a stack trace."""

    def invoke(self, ctx: Context) -> Any:
        ctx.color = colours.wanted()
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            count = len(error.faults)
            heading = f"The configuration has {count} fault{'s' if count > 1 else ''}:"
            raise click.ClickException("\n  ".join([heading, *error.faults])) from None
        except TunnelRefusedError as error:
            raise click.ClickException(str(error)) from None
        except StoreUnavailableError as error:
            hint = "Is DATABASE_URL right, and has `python -m webhook_app migrate` been run?"
            raise click.ClickException(f"The inbox does not answer: {error}. {hint}") from None


def _alias(command: click.Command, name: str) -> click.Command:
    """Return `command` under a name of earlier versions, which no list shows."""
    alias = copy.copy(command)
    alias.name, alias.hidden = name, True
    return alias


@click.group(
    cls=_Commands,
    commands=[
        run,
        dev,
        tunnel,
        web,
        worker,
        migrate,
        sandbox,
        check,
        platforms,
        send_sample,
        status,
        alert,
        list_,
        tail,
        show,
        replay,
        discard,
        _alias(discard, "drop"),
        export,
        move,
        doctor,
        verify,
        match,
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
)
def main() -> None:
    """Receive signed webhooks of shop platforms and deliver them to Tweakwise.

    Start with `check`: it reads the configuration and says for each shop which URL to paste where. `dev` starts
    everything for testing, and tells what happens. `run` starts everything in one go; `web` and `worker` are its two
    halves. `status` tells how it stands, `list`, `tail` and `show` what arrived and what became of it; `replay` and
    `discard` are for what could not be sent.

    Exit codes: 0 all is well, 1 something is wrong (and was said), 2 the command was not understood.
    """
