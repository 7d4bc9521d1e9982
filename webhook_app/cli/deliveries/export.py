"""`export`: writes deliveries for other programs."""

from __future__ import annotations

import base64
import json
import os
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from webhook_app.api.delivery_record import record_of
from webhook_app.cli.support.order_names import read_for
from webhook_app.cli.support.param_types import DELIVERY_NUMBER
from webhook_app.cli.support.selection_options import selection_options
from webhook_app.cli.support.terminal import progress_bar
from webhook_app.config import settings
from webhook_app.formatting import counted
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports.stored_deliveries import STEP, bodies_of, pages, size
from webhook_app.spreadsheets import CsvForm, TableWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from webhook_app.inbox import Row, Selection


BODY = ("body", "body_base64")  # one of the two
BODIES = 50  # read at a time; each may have MAX_BODY bytes


@click.command()
@click.argument("numbers", type=DELIVERY_NUMBER, nargs=-1)
@selection_options()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this new file, not to stdout.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", *CsvForm]),
    default="jsonl",
    show_default=True,
    help="JSON lines; a table with commas; or one for Excel, with semicolons and a byte order mark.",
)
@click.option("--personal", is_flag=True, help="Include each webhook's headers and body: personal data.")
def export(*, selection: Selection, out: Path | None, form: str, personal: bool) -> None:
    """Export deliveries as JSON lines or as a table, the oldest first: all, or those that numbers or options select.

    Always included, and not personal: shop, topic, state, reason, times, the order number, the call with its product
    keys and revenue, and the response of Tweakwise. The order number is a pseudonym: only the shop's own data connects
    it to a person. Included only with --personal: the keys of profile and session and search terms, and headers and
    body of the webhook (names, addresses, e-mail), the body as `body`, as `body_base64` where it is not UTF-8, or null
    once it is wiped.

    The file is readable by you alone, and an existing file is never overwritten. Progress goes to stderr.
    """
    with closing(Inbox.configured(settings.load())) as inbox, _opened(out) as sink:
        read_for(inbox, selection)
        total, write = size(inbox, selection), _writer(sink, form)
        with progress_bar(total, hidden=out is None and sys.stdout.isatty()) as bar:
            for page in pages(inbox, selection, BODIES if personal else STEP):
                write(_records(inbox, page, personal=personal))
                bar.update(len(page))
    click.echo(f"{counted(total, 'delivery', 'deliveries')}.", err=True)


def _writer(sink: TextIO, form: str) -> Callable[[Iterable[dict[str, object]]], None]:
    """Return what writes records, the first row of a table being the names of the first record."""
    if form == "jsonl":
        return lambda records: sink.writelines(json.dumps(record) + "\n" for record in records)
    table, names = TableWriter(sink, CsvForm(form)), list[str]()

    def write(records: Iterable[dict[str, object]]) -> None:
        for record in records:
            if not names:
                names.extend(dict.fromkeys([*record, *(BODY if "headers" in record else ())]))
                table.row(names)
            table.row(_flat(record.get(name)) for name in names)

    return write


def _flat(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be created: {error.strerror}.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as sink:
        yield sink


def _records(inbox: Inbox, page: Sequence[Row], *, personal: bool) -> Iterator[dict[str, object]]:
    bodies = bodies_of(inbox, [row.id for row in page]) if personal else {}
    for row in page:
        yield record_of(row, personal=personal) | (_personal(bodies.get(row.id)) if personal else {})


def _personal(content: tuple[dict[str, str], bytes] | None) -> dict[str, object]:
    if content is None:
        return {"headers": None, "body": None}
    headers, body = content
    try:
        return {"headers": headers, "body": body.decode()}
    except UnicodeDecodeError:
        return {"headers": headers, "body_base64": base64.b64encode(body).decode()}
