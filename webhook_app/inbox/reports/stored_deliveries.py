"""Reads stored deliveries: one, the newest, or all of a selection page by page; and counts them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from webhook_app.errors import UnknownDeliveryError
from webhook_app.inbox import records
from webhook_app.inbox.delivery import Row
from webhook_app.inbox.selection import ALL_DELIVERIES
from webhook_app.inbox.tables import bodies, deliveries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import ColumnElement, Select

    from webhook_app.inbox.selection import Selection
    from webhook_app.inbox.store import Inbox

STEP = 200  # rows a page; a page is changed in one transaction, and webhooks are accepted between two

COLUMNS = tuple(records.columns_of(Row, deliveries))


def is_for_profile(key: str) -> ColumnElement[bool]:
    """Return the condition of a delivery whose call has a profile key."""
    return deliveries.c.call.contains(f'"ProfileKey":"{key}"', autoescape=True)


def get(inbox: Inbox, number: int) -> Row:
    """Return one delivery. Raises UnknownDeliveryError."""
    found = _rows(inbox, select(*COLUMNS).where(deliveries.c.id == number))
    if not found:
        raise UnknownDeliveryError(str(number))
    return found[0]


def newest(
    inbox: Inbox,
    limit: int,
    selection: Selection = ALL_DELIVERIES,
    *,
    below: int | None = None,
    profile_key: str | None = None,
) -> list[Row]:
    """Return the newest deliveries of a selection, newest first.

    Only those with numbers `below`, and those whose call is for `profile_key`, where these are given.
    """
    query = select(*COLUMNS).where(*selection.conditions())
    if below is not None:
        query = query.where(deliveries.c.id < below)
    if profile_key is not None:
        query = query.where(is_for_profile(profile_key))
    return _rows(inbox, query.order_by(deliveries.c.id.desc()).limit(limit))


def pages(inbox: Inbox, selection: Selection, step: int = STEP, after: int = 0) -> Iterator[list[Row]]:
    """Yield the deliveries of `selection` above number `after` in ascending order, at most `step` at a time."""
    query, last = select(*COLUMNS).where(*selection.conditions()).order_by(deliveries.c.id).limit(step), after
    while page := _rows(inbox, query.where(deliveries.c.id > last)):
        yield page
        last = page[-1].id


def counts(inbox: Inbox) -> dict[str, int]:
    """Count all deliveries by state."""
    query = select(deliveries.c.state, func.count().label("number")).group_by(deliveries.c.state)
    with inbox.database.read() as connection:
        return {row.state: row.number for row in connection.execute(query)}


def size(inbox: Inbox, selection: Selection) -> int:
    """Count the deliveries of `selection`."""
    query = select(func.count()).select_from(deliveries).where(*selection.conditions())
    with inbox.database.read() as connection:
        return int(connection.execute(query).scalar_one())


def body(inbox: Inbox, number: int) -> tuple[dict[str, str], bytes] | None:
    """Return the stored headers and the raw body, None once they are wiped."""
    return bodies_of(inbox, [number]).get(number)


def bodies_of(inbox: Inbox, ids: Iterable[int]) -> dict[int, tuple[dict[str, str], bytes]]:
    """Return the stored headers and raw bodies of `ids`, without those that were wiped."""
    query = select(bodies.c.delivery_id, bodies.c.headers, bodies.c.body).where(bodies.c.delivery_id.in_([*ids]))
    with inbox.database.read() as connection:
        return {row.delivery_id: (json.loads(row.headers), row.body) for row in connection.execute(query)}


def headers_of(inbox: Inbox, ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """Return the stored headers of `ids`, without those that were wiped."""
    query = select(bodies.c.delivery_id, bodies.c.headers).where(bodies.c.delivery_id.in_([*ids]))
    with inbox.database.read() as connection:
        return {row.delivery_id: json.loads(row.headers) for row in connection.execute(query)}


def _rows(inbox: Inbox, query: Select[Any]) -> list[Row]:
    with inbox.database.read() as connection:
        return records.read(connection, Row, query)
