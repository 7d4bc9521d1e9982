"""The command that writes deliveries for other programs: export."""

from __future__ import annotations

import base64
import json
import os
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from webhook_app.cli.deliveries import as_record
from webhook_app.cli.selecting import selecting
from webhook_app.config import settings
from webhook_app.inbox import Inbox
from webhook_app.inbox.selection import STEP, pages, size, stored_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.inbox import Row, Selection


BODIES = 50  # read at a time; each may have MAX_BODY bytes


@click.command()
@click.argument("numbers", type=int, nargs=-1)
@selecting()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this new file, not to stdout.")
@click.option("--personal", is_flag=True, help="Also each webhook's headers and body: personal data.")
def export(*, selection: Selection, out: Path | None, personal: bool) -> None:
    """Write deliveries as JSON lines, the oldest first: all of them, or those that numbers or options select.

    Not personal, and always written: shop, topic, state, reason, times, the order's number, the call with its
    product keys, profile key and revenue, and what Tweakwise answered. Order number and profile key are pseudonyms:
    they name a person only to who has the shop's own data. Personal, and written only with --personal: headers and
    body of the webhook (names, addresses, e-mail), the body as `body`, as `body_base64` where it is not UTF-8, or
    null once it is wiped.

    A file is made readable by you alone, and one that is there is not written over. Progress goes to stderr.
    """
    with closing(Inbox.configured(settings.load())) as inbox, _opened(out) as sink:
        total = size(inbox, selection)
        with click.progressbar(length=total, file=sys.stderr, hidden=_hides(out)) as bar:
            for page in pages(inbox, selection, BODIES if personal else STEP):
                sink.writelines(json.dumps(record) + "\n" for record in _records(inbox, page, personal=personal))
                bar.update(len(page))
    click.echo(f"{total} deliveries.", err=True)


def _hides(out: Path | None) -> bool:
    """No bar where nobody sees it, and none among the lines on a screen."""
    return not sys.stderr.isatty() or (out is None and sys.stdout.isatty())


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be made: {error.strerror}.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
        yield sink


def _records(inbox: Inbox, page: Sequence[Row], *, personal: bool) -> Iterator[dict[str, object]]:
    bodies = stored_content(inbox, [row.id for row in page]) if personal else {}
    for row in page:
        yield as_record(row) | (_personal(bodies.get(row.id)) if personal else {})


def _personal(held_of_one: tuple[dict[str, str], bytes] | None) -> dict[str, object]:
    if held_of_one is None:
        return {"headers": None, "body": None}
    headers, body = held_of_one
    try:
        return {"headers": headers, "body": body.decode()}
    except UnicodeDecodeError:
        return {"headers": headers, "body_base64": base64.b64encode(body).decode()}
