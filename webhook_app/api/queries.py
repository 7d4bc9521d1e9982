"""The queries of the read API as schemas, which the OpenAPI document has too. Unknown names are errors."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from webhook_app.delivery.causes import REASON_PREFIXES, Cause
from webhook_app.inbox import Selection, State
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter

MOST, USUAL = 200, 50  # deliveries in an answer
LARGEST = 2**63 - 1
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)
WORD = validate.Regexp(r"[\x21-\x7e]{1,192}\Z", error="expected visible ASCII characters")
# As on the pages, every unsettled delivery is waiting.
STATES = {**{state.value: (state.value,) for state in State}, "waiting": tuple(state.value for state in UNFINISHED)}


def _described(text: str) -> dict[str, str]:
    return {"description": text}


class DeliveriesQuerySchema(Schema):
    """Which deliveries, and how many."""

    shop = fields.String(load_default=None, validate=WORD, metadata=_described("Only this shop."))
    platform = fields.String(load_default=None, validate=WORD, metadata=_described("Only this platform."))
    topic = fields.String(load_default=None, validate=WORD, metadata=_described("Only this topic."))
    state = fields.String(
        load_default=None,
        validate=validate.OneOf(sorted(STATES)),
        metadata=_described("Only this state; `waiting` is each that is not settled, as on the pages."),
    )
    reason = fields.String(load_default=None, validate=WORD, metadata=_described("Only this reason."))
    cause = fields.String(
        load_default=None,
        validate=validate.OneOf([cause.value for cause in Cause]),
        metadata=_described("Only dead deliveries with this cause; not together with `state` and `reason`."),
    )
    order = fields.String(
        load_default=None,
        validate=validate.Regexp(r"[^\x00-\x1f\x7f]{1,192}\Z", error="expected the id, number or name of an order"),
        metadata=_described("Only deliveries about this order: its id, number or name."),
    )
    since = fields.AwareDateTime(
        format="iso", default_timezone=UTC, load_default=None, metadata=_described("Received then or later (UTC).")
    )
    until = fields.AwareDateTime(
        format="iso", default_timezone=UTC, load_default=None, metadata=_described("Received before then (UTC).")
    )
    below = fields.Integer(
        load_default=None,
        validate=validate.Range(1, LARGEST),
        metadata=_described("Only numbers below: `next` of the page before."),
    )
    limit = fields.Integer(
        load_default=USUAL, validate=validate.Range(1, MOST), metadata=_described("At most so many deliveries.")
    )


class AccountingQuerySchema(Schema):
    """Which day, and of which shop."""

    day = fields.Date(
        load_default=None, validate=validate.Range(EARLIEST, LATEST), metadata=_described("The day; without it today.")
    )
    shop = fields.String(load_default=None, validate=WORD, metadata=_described("Only this shop."))


DELIVERIES, ACCOUNTING, NONE = DeliveriesQuerySchema(), AccountingQuerySchema(), Schema()


def read(schema: Schema, given: Any) -> dict[str, Any]:
    """Return the values of a query; raises ValidationError with the messages by name. A repeated name is an error."""
    repeated = [name for name, values in given.lists() if len(values) > 1]
    if repeated:
        raise ValidationError({name: ["is given more than once"] for name in repeated})
    loaded: dict[str, Any] = schema.load(given.to_dict())
    return loaded


def delivery_filter(query: dict[str, Any]) -> DeliveryFilter:
    """Return the filter that a query of deliveries stands for. Raises ValidationError."""
    state, cause = query["state"], query["cause"]
    if cause and (state or query["reason"]):
        raise ValidationError({"cause": ["selects dead deliveries by their reason: leave out state and reason"]})
    selection = Selection(
        shop=query["shop"],
        topic=query["topic"],
        states=(State.DEAD.value,) if cause else STATES.get(state, ()),
        reason=query["reason"],
        reason_prefixes=REASON_PREFIXES[Cause(cause)] if cause else (),
        since=_milliseconds(query["since"]),
        until=_milliseconds(query["until"]),
        order=query["order"],
    )
    return DeliveryFilter(selection, query["platform"])


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
