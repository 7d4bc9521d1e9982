"""Accounting: the outcomes of all deliveries of one day, as a table that adds up."""

from __future__ import annotations

import io
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from flask import Response, abort, request

from schemas.events import Reason
from webhook_app import formatting
from webhook_app.dashboard import counts, platform_orders
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, user, visible
from webhook_app.dashboard.rendering import render
from webhook_app.inbox import State
from webhook_app.inbox.counting import count_check, statistics
from webhook_app.inbox.reports import accounting
from webhook_app.platforms import topic_groups
from webhook_app.spreadsheets import CsvForm, TableWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flask.typing import ResponseReturnValue

    from webhook_app.inbox.reports.accounting import AccountingEntry, Totals
    from webhook_app.inbox.reports.shop_days import Span

ALL = "all"
GROUPS = {**topic_groups.GROUPS, ALL: "All topics"}
MANY_SHOPS = 10  # from more than so many on, a line is a shop
EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class _Query:
    day: date
    shop: str | None
    group: str
    latest: date
    form: CsvForm

    @property
    def span(self) -> Span:
        """The time that the day takes, of all shops together."""
        return current().days.span(self.day, self.shop)


@dataclass(frozen=True, slots=True)
class AccountingLine:
    """The totals of one topic of one shop, or, without a topic, of several."""

    shop: str
    topic: str
    totals: Totals
    topics: int = 1


@blueprint.get("/accounting", endpoint="accounting")
def show() -> ResponseReturnValue:
    """Show one day of one shop or of all, in the time zone of each."""
    query = _query()
    counts.refresh_all()
    checked = counts.check(query.span.hours)
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
        lines=_lines(entries, query),
        ignored=ignored,
        dead=_by_reason(entries, State.DEAD),
        **platform_orders.for_day(query.day, query.shop),
        before=query.day - timedelta(days=1),
        after=query.day + timedelta(days=1) if query.day < query.latest else None,
        today=query.latest,
        zone=current().days.zone(visible([query.shop] if query.shop else current().shops)),
        where={
            "shop": query.shop,
            "topic": None if query.group == ALL else f"set:{query.group}",
            "since": _moment(query.span.since),
            "until": _moment(query.span.until),
        },
    )


@blueprint.get("/accounting.csv")
def export() -> ResponseReturnValue:
    """Return the same day as CSV, one line for each shop, topic, state and reason."""
    query = _query()
    statistics.refresh(current().inbox, within=None, fresh=0)  # however long it takes: the table must add up
    count_check.check(current().inbox, query.span.hours)
    rows = [(query.day.isoformat(), _zone_of(entry.shop), *astuple(entry)) for entry in _entries(query)]
    head = ("day", "timezone", "shop", "platform", "topic", "state", "reason", "number")
    return _table(query.form, head, rows, ["accounting", query.day.isoformat(), query.shop or "", query.group])


@blueprint.get("/accounting/platform.csv")
def export_platform_orders() -> ResponseReturnValue:
    """Return the platforms' orders of the day as CSV, one line for each shop, currency, outcome and reason."""
    query = _query()
    rows = [
        (
            one.day.isoformat(),
            _zone_of(one.shop),
            one.shop,
            one.currency,
            one.outcome,
            one.reason,
            one.number,
            one.amount,
        )
        for one in platform_orders.entries_of(query.day, query.shop)
    ]
    head = ("day", "timezone", "shop", "currency", "outcome", "reason", "number", "revenue")
    return _table(query.form, head, rows, ["platform-orders", query.day.isoformat(), query.shop or ""])


def _table(
    form: CsvForm, head: Sequence[str], rows: Iterable[Sequence[object]], name: Iterable[str]
) -> ResponseReturnValue:
    output = io.StringIO(newline="")
    writer = TableWriter(output, form)
    for row in (head, *rows):
        writer.row(row)
    disposition = f'attachment; filename="{"-".join(filter(None, name))}.csv"'
    return Response(output.getvalue(), mimetype="text/csv", headers={"Content-Disposition": disposition})


def _zone_of(shop: str) -> str:
    return current().days.zone([shop])


def _moment(milliseconds: int) -> str:
    return formatting.date_and_time(milliseconds)[:16].replace(" ", "T")


def _query() -> _Query:
    """Read the query; a value that is none is an error, and not replaced by another one."""
    shop, group = request.args.get("shop", ""), request.args.get("set", "") or topic_groups.ORDERS
    known = shop or None
    if known and known not in current().shops:
        abort(404, f"There is no shop {known}.")
    if group not in GROUPS:
        abort(400, f"Topics: expected one of {', '.join(GROUPS)}.")
    now, days = current().inbox.clock(), current().days
    latest = days.latest(now, known)
    try:
        given = request.args.get("day", "")
        day = min(date.fromisoformat(given), latest) if given else days.today(now, known)
    except ValueError:
        abort(400, "Day: expected a date such as 2026-11-27.")
    form = CsvForm.EXCEL if request.args.get("format") == CsvForm.EXCEL else CsvForm.CSV
    return _Query(max(day, EARLIEST), known, group, latest, form)


def _entries(query: _Query) -> list[AccountingEntry]:
    found = accounting.of_day(current().inbox, query.day, query.shop, current().days)
    platforms = current().platforms
    found = [one for one in found if user().sees(one.shop)]
    return [one for one in found if query.group in (ALL, topic_groups.group_of(platforms, one.platform, one.topic))]


def _lines(entries: Sequence[AccountingEntry], query: _Query) -> list[AccountingLine]:
    """Return a line for each topic; of many shops one for each shop, those with dead or waiting deliveries first."""
    is_long = query.shop is None and len({one.shop for one in entries}) > MANY_SHOPS
    kinds: dict[tuple[str, str], list[AccountingEntry]] = {}
    for entry in entries:
        kinds.setdefault((entry.shop, "" if is_long else entry.topic), []).append(entry)
    lines = [
        AccountingLine(*kind, accounting.totals(same), len({one.topic for one in same})) for kind, same in kinds.items()
    ]
    return sorted(lines, key=lambda line: (-line.totals.dead, -line.totals.waiting)) if is_long else lines


def _by_reason(entries: Sequence[AccountingEntry], state: State) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.state == state:
            counts[entry.reason] = counts.get(entry.reason, 0) + entry.number
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
