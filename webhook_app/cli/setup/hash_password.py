"""`hash-password`: makes the hash of a dashboard user's password."""

from __future__ import annotations

import sys

import click
from marshmallow import ValidationError

from webhook_app.config.validators import validate_password

METHOD = "scrypt:32768:8:1"  # 32 MiB and a tenth of a second for each guess


@click.command("hash-password")
def hash_password() -> None:
    """Make the password_hash of a dashboard user, from a password that is typed or piped in.

    The password is read from stdin, never from the command line, which other users of the machine can see.
    """
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        validate_password(password)
    except ValidationError as error:
        raise click.ClickException(f"The password is {' '.join(map(str, error.messages))}.") from None
    from werkzeug.security import generate_password_hash  # noqa: PLC0415 - other commands do without it

    click.echo(generate_password_hash(password, METHOD))
