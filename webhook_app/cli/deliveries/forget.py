"""`forget`: erases what is stored of one person."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from schemas.contacts import FEWEST_CHARACTERS, names_a_person
from schemas.events import Redaction
from webhook_app.cli.support import configuration
from webhook_app.cli.support.bulk_change import YES
from webhook_app.cli.support.param_types import SecretText
from webhook_app.delivery.privacy_subject import Subject
from webhook_app.delivery.privacy_worker import PrivacyWorker, find, listed, sentence
from webhook_app.inbox import Inbox
from webhook_app.inbox.operations.bulk_changes import MANY
from webhook_app.inbox.privacy import privacy_requests
from webhook_app.inbox.privacy.privacy_requests import MOST_LISTED, RequestKind

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop

LATER = "Interrupted: a running worker continues it."


VALUE: dict[str, Any] = {"type": SecretText(), "multiple": True}


@click.command()
@click.option("--shop", "name", required=True, help="The shop whose deliveries are searched.")
@click.option("--customer", **VALUE, help="The shop's number of a customer.")
@click.option("--email", **VALUE, help="An e-mail address.")
@click.option("--phone", **VALUE, help="A phone number.")
@click.option("--order", **VALUE, help="The id or the number of an order.")
@click.option("--profile-key", **VALUE, help="A profile key.")
@click.option("--dry-run", is_flag=True, help="Change nothing; print which deliveries would be wiped.")
@YES
def forget(name: str, *, dry_run: bool, yes: bool, **given: tuple[str, ...]) -> None:
    """Erase what is stored of a person, on every platform: for requests that no webhook brings.

    Wiped are the deliveries that name one of the given values, and those under the profile keys that these carried:
    headers, body, call and response. What was not sent yet is not sent. Then what was deleted is removed from the
    database's files. Interrupted, it is continued by a worker. An audit event is written when it is complete.

    Every user of a machine can see its command lines: give personal values as - or @FILE.

    \b
    forget --shop acme --order 1001 --dry-run
    printf 'jane@example.com' | python -m webhook_app forget --shop acme --email -
    """  # noqa: D301 - \b keeps click from joining the lines
    config, known = configuration.load()
    shop = configuration.chosen_shops(known, name)[name]
    subject = _subject(shop, {key: {value.strip() for value in values} - {""} for key, values in given.items()})
    with closing(Inbox.configured(config)) as inbox:
        found = find(inbox, shop, subject)
        if dry_run:
            click.echo(f"Dry run: {listed(len(found), found[:MOST_LISTED])} would be wiped.")
            return
        if len(found) > MANY and not yes:
            click.confirm(f"{len(found)} deliveries will be wiped. Continue?", abort=True, err=True)
        request = privacy_requests.add(inbox, RequestKind.ERASE, shop.name, subject.as_json())
        worker = PrivacyWorker(inbox, known, spool_path=config.spool)
        try:
            click.echo(sentence(worker.carry_out(request.id)))
        except KeyboardInterrupt:
            raise click.ClickException(LATER) from None


def _subject(shop: Shop, given: dict[str, set[str]]) -> Subject:
    """Return what to search for. Raises UsageError without anything."""
    if not any(given.values()):
        raise click.UsageError("Give --customer, --email, --phone, --order or --profile-key.")
    if len(given["customer"]) > 1:
        raise click.UsageError("Give one --customer at a time.")
    if not all(map(names_a_person, given["email"] | given["phone"])):
        raise click.UsageError(f"--email needs an address, --phone a number of {FEWEST_CHARACTERS} digits or more.")
    orders = frozenset(order.lstrip("#") for order in given["order"])
    customer = next(iter(given["customer"]), None)
    about = Redaction("", customer, orders, frozenset(given["email"] | given["phone"]))
    derived = Subject.of(about, shop)
    return Subject(about, order_numbers=orders, keys=derived.keys | given["profile_key"])
