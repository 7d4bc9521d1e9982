"""Accounting: the outcomes of all deliveries of one day, as a table that adds up."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from flask import Response, request

from schemas.events import Reason
from webhook_app.dashboard import counts, platform_orders, topic_groups
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, user, visible
from webhook_app.dashboard.rendering import render
from webhook_app.inbox import State, count_check, statistics
from webhook_app.inbox.reports import accounting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from webhook_app.inbox.reports.accounting import AccountingEntry, Totals

ALL = "all"
GROUPS = {**topic_groups.GROUPS, ALL: "All topics"}
EARLIEST = date(2000, 1, 1)
# Spreadsheets read a cell that starts with one of these as a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class _Query:
    day: date
    shop: str | None
    group: str


@dataclass(frozen=True, slots=True)
class AccountingLine:
    """The totals of one topic of one shop."""

    shop: str
    topic: str
    totals: Totals


@blueprint.get("/accounting", endpoint="accounting")
def show() -> ResponseReturnValue:
    """Show one day (UTC) of one shop or of all."""
    query = _query()
    counts.refresh_all()
    checked = counts.check(query.day)
    entries = _entries(query)
    ignored = _by_reason(entries, State.IGNORED)
    total = accounting.totals(entries)
    repeated = ignored.get(Reason.ALREADY_COUNTED, 0)
    return render(
        "dashboard/accounting.html",
        day=query.day,
        shop=query.shop,
        group=query.group,
        groups=GROUPS,
        names=visible(sorted(current().shops)),
        total=total,
        checked=checked,
        sees_all=user().shops is None,
        dated_ahead=accounting.dated_ahead(current().inbox) if user().shops is None else 0,
        repeated=repeated,
        lines=_lines(entries),
        ignored=ignored,
        dead=_by_reason(entries, State.DEAD),
        **platform_orders.for_day(query.day, query.shop),
        before=query.day - timedelta(days=1),
        after=query.day + timedelta(days=1) if query.day < _today() else None,
        today=_today(),
        where={
            "shop": query.shop,
            "topic": None if query.group == ALL else f"set:{query.group}",
            "since": f"{query.day}T00:00",
            "until": f"{query.day + timedelta(days=1)}T00:00",
        },
    )


@blueprint.get("/accounting.csv")
def export() -> ResponseReturnValue:
    """Return the same day as CSV, one line for each shop, topic, state and reason."""
    query = _query()
    statistics.refresh(current().inbox, within=None, fresh=0)  # however long it takes: the table must add up
    count_check.check(current().inbox, accounting.hours_of(query.day))
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(["day_utc", "shop", "platform", "topic", "state", "reason", "number"])
    for entry in _entries(query):
        writer.writerow([_cell(value) for value in (query.day.isoformat(), *astuple(entry))])
    name = "-".join(["accounting", query.day.isoformat(), *filter(None, [query.shop]), query.group])
    disposition = f'attachment; filename="{name}.csv"'
    return Response(output.getvalue(), mimetype="text/csv", headers={"Content-Disposition": disposition})


@blueprint.get("/accounting/platform.csv")
def export_platform_orders() -> ResponseReturnValue:
    """Return the platforms' orders of the day as CSV, one line for each shop, currency, outcome and reason."""
    query = _query()
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(["day_utc", "shop", "currency", "outcome", "reason", "number", "revenue"])
    for one in platform_orders.entries_of(query.day, query.shop):
        values = (one.day.isoformat(), one.shop, one.currency, one.outcome, one.reason, one.number, one.amount)
        writer.writerow([_cell(value) for value in values])
    name = "-".join(["platform-orders", query.day.isoformat(), *filter(None, [query.shop])])
    disposition = f'attachment; filename="{name}.csv"'
    return Response(output.getvalue(), mimetype="text/csv", headers={"Content-Disposition": disposition})


def _cell(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _query() -> _Query:
    """Read the query; an invalid day is replaced by today, an invalid group by orders."""
    try:
        day = min(date.fromisoformat(request.args.get("day", "")), _today())
    except ValueError:
        day = _today()
    shop, group = request.args.get("shop", ""), request.args.get("set", "")
    known = shop if shop in current().shops else None
    return _Query(max(day, EARLIEST), known, group if group in GROUPS else topic_groups.ORDERS)


def _today() -> date:
    return datetime.fromtimestamp(current().inbox.clock() / 1000, UTC).date()


def _entries(query: _Query) -> list[AccountingEntry]:
    found = accounting.of_day(current().inbox, query.day, query.shop)
    platforms = current().platforms
    found = [one for one in found if user().sees(one.shop)]
    return [one for one in found if query.group in (ALL, topic_groups.group_of(platforms, one.platform, one.topic))]


def _lines(entries: Sequence[AccountingEntry]) -> list[AccountingLine]:
    kinds: dict[tuple[str, str], list[AccountingEntry]] = {}
    for entry in entries:
        kinds.setdefault((entry.shop, entry.topic), []).append(entry)
    return [AccountingLine(*kind, accounting.totals(same)) for kind, same in kinds.items()]


def _by_reason(entries: Sequence[AccountingEntry], state: State) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.state == state:
            counts[entry.reason] = counts.get(entry.reason, 0) + entry.number
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
