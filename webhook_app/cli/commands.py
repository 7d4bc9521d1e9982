"""Finds the commands: a module in a group's package is a command of that name, imported only when it is needed."""

from __future__ import annotations

import gc
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import click

from webhook_app import logs
from webhook_app.cli.support import file_access, printable, terminal
from webhook_app.config import unreadable
from webhook_app.errors import ConfigurationError, StoreUnavailableError, TunnelRefusedError
from webhook_app.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click import Context, HelpFormatter

GROUPS = ("serving", "setup", "deliveries", "testing")  # packages, in the order of --help; each has a HEADING
WHOLE = 10_000  # characters of a first sentence that --help may show: all of them


class CommandGroups(click.Group):
    """Lists commands under their group's heading, and reports known errors as a sentence with exit code 1."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands, hidden ones included, in the order of --help."""
        return [name for modules in _groups().values() for name in modules]

    def get_command(self, ctx: Context, cmd_name: str) -> click.Command | None:
        """Import one command; None where there is none of that name."""
        found = load(cmd_name) if cmd_name in self.list_commands(ctx) else None
        gc.freeze()  # what is loaded stays: nothing looks through it any more
        gc.enable()  # see __main__.py
        return found

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write each group's commands with their whole first sentence, all groups in the same columns."""
        width = max(map(len, self.list_commands(ctx)))
        for heading, modules in _groups().items():
            shown = [command for command in map(load, modules) if not command.hidden]
            with formatter.section(heading):
                formatter.write_dl([(f"{one.name:<{width}}", one.get_short_help_str(WHOLE)) for one in shown])

    def invoke(self, ctx: Context) -> Any:
        """Run the command; what the user can correct ends as a message, never as a stack trace."""
        printable.guard_terminal()
        ctx.color = terminal.colours()
        logs.use_stderr()
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            heading = f"The configuration has {counted(len(error.faults), 'fault')}:"
            raise click.ClickException("\n  ".join([heading, *error.faults])) from None
        except TunnelRefusedError as error:
            raise click.ClickException(str(error)) from None
        except PermissionError as error:
            if not error.filename:
                raise  # it is not about a file
            reason = unreadable.why(Path(error.filename), error)
            raise click.ClickException(f"{error.filename} cannot be used: {reason}.") from None
        except StoreUnavailableError as error:
            hint = (
                file_access.fault()
                or error.advice
                or "Check DATABASE_URL, and run `python -m webhook_app migrate` if you have not yet."
            )
            raise click.ClickException(f"The database is unavailable: {error}. {hint}") from None


def all_commands() -> dict[str, click.Command]:
    """Import every command, hidden ones included, and return them by name."""
    return {name: load(name) for modules in _groups().values() for name in modules}


def load(name: str) -> click.Command:
    """Import the command of that name."""
    module = import_module(next(modules[name] for modules in _groups().values() if name in modules))
    return next(one for one in vars(module).values() if isinstance(one, click.Command) and one.name == name)


@cache
def _groups() -> dict[str, dict[str, str]]:
    """Return the modules of commands by name, by the heading of their group."""
    packages = [import_module(f"{__package__}.{group}") for group in GROUPS]
    return {package.HEADING: _modules(package.__name__, package.__path__) for package in packages}


def _modules(package: str, path: Iterable[str]) -> dict[str, str]:
    return {module.name.replace("_", "-"): f"{package}.{module.name}" for module in iter_modules(path)}
