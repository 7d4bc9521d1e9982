"""`show`: one delivery."""

from __future__ import annotations

import json
from contextlib import closing

import click

from webhook_app.api.delivery_record import record_of
from webhook_app.cli.support.delivery_text import describe
from webhook_app.cli.support.param_types import DELIVERY_NUMBER
from webhook_app.cli.support.printable import printable
from webhook_app.config import settings
from webhook_app.errors import UnknownDeliveryError
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports import stored_deliveries


@click.command()
@click.argument("number", type=DELIVERY_NUMBER)
@click.option(
    "--body", is_flag=True, help="Also print the stored headers and the raw body, and the call in full: personal data."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(number: int, *, body: bool, as_json: bool) -> None:
    """Show one delivery: its state, the reason, and the call that was sent, with what identifies a visitor masked."""
    with closing(Inbox.configured(settings.load())) as inbox:
        try:
            row = stored_deliveries.get(inbox, number)
        except UnknownDeliveryError:
            raise click.ClickException(f"There is no delivery {number}.") from None
        content = stored_deliveries.body(inbox, number) if body else None
    click.echo(json.dumps(record_of(row, personal=body), indent=2) if as_json else describe(row, personal=body))
    if body:
        _print_content(content)


def _print_content(content: tuple[dict[str, str], bytes] | None) -> None:
    if content is None:
        click.echo("\nThe body was wiped.")
        return
    headers, body = content
    click.echo("\n" + "\n".join(printable(f"{name}: {value}") for name, value in headers.items()) + "\n")
    click.echo(body.decode("utf-8", "replace"))
