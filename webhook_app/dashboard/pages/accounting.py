"""Accounting: what became of everything that was received on one day, as a table that adds up."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from flask import Response, render_template, request

from schemas.events import Reason
from webhook_app.dashboard import topic_groups
from webhook_app.dashboard.access import gate
from webhook_app.dashboard.context import current
from webhook_app.inbox import State, statistics
from webhook_app.inbox.reports import accounting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from webhook_app.inbox.reports.accounting import AccountingEntry, Totals

ALL = "all"
SETS = {**topic_groups.SETS, ALL: "All"}
EARLIEST = date(2000, 1, 1)
# A spreadsheet takes a cell that begins so for a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class _Asked:
    day: date
    shop: str | None
    chosen: str


@dataclass(frozen=True, slots=True)
class AccountingLine:
    """One topic of one shop, and its sums."""

    shop: str
    topic: str
    account: Totals


@gate.get("/accounting")
def account() -> ResponseReturnValue:
    """Show one day (UTC) of one shop or of all."""
    asked = _asked()
    entries = _entries(asked)
    ignored = _by_reason(entries, State.IGNORED)
    total = accounting.totals(entries)
    again = ignored.get(Reason.ALREADY_COUNTED, 0)
    return render_template(
        "dashboard/accounting.html",
        day=asked.day,
        shop=asked.shop,
        chosen=asked.chosen,
        sets=SETS,
        names=sorted(current().shops),
        total=total,
        again=again,
        lines=_lines(entries),
        ignored=ignored,
        dead=_by_reason(entries, State.DEAD),
        before=asked.day - timedelta(days=1),
        after=asked.day + timedelta(days=1) if asked.day < _today() else None,
        today=_today(),
        where={
            "shop": asked.shop,
            "topic": None if asked.chosen == ALL else f"set:{asked.chosen}",
            "since": f"{asked.day}T00:00",
            "until": f"{asked.day + timedelta(days=1)}T00:00",
        },
    )


@gate.get("/accounting.csv")
def export() -> ResponseReturnValue:
    """Return the same as CSV, one line for each shop, topic, state and reason."""
    asked = _asked()
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["day_utc", "shop", "platform", "topic", "state", "reason", "number"])
    for entry in _entries(asked):
        writer.writerow([_cell(value) for value in (asked.day.isoformat(), *astuple(entry))])
    name = "-".join(["accounting", asked.day.isoformat(), *filter(None, [asked.shop]), asked.chosen])
    disposition = f'attachment; filename="{name}.csv"'
    return Response(written.getvalue(), mimetype="text/csv", headers={"Content-Disposition": disposition})


def _cell(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _asked() -> _Asked:
    """Read what is asked for; what cannot be meant is today, and orders."""
    try:
        day = min(date.fromisoformat(request.args.get("day", "")), _today())
    except ValueError:
        day = _today()
    shop, chosen = request.args.get("shop", ""), request.args.get("set", "")
    known = shop if shop in current().shops else None
    return _Asked(max(day, EARLIEST), known, chosen if chosen in SETS else topic_groups.ORDERS)


def _today() -> date:
    return datetime.fromtimestamp(current().inbox.clock() / 1000, UTC).date()


def _entries(asked: _Asked) -> list[AccountingEntry]:
    """Count until nothing is missing: this table must add up."""
    statistics.refresh(current().inbox, within=None, fresh=0)
    found = accounting.of_day(current().inbox, asked.day, asked.shop)
    platforms = current().platforms
    return [one for one in found if asked.chosen in (ALL, topic_groups.set_of(platforms, one.platform, one.topic))]


def _lines(entries: Sequence[AccountingEntry]) -> list[AccountingLine]:
    kinds = dict.fromkeys((entry.shop, entry.topic) for entry in entries)
    return [
        AccountingLine(*kind, accounting.totals(entry for entry in entries if (entry.shop, entry.topic) == kind))
        for kind in kinds
    ]


def _by_reason(entries: Sequence[AccountingEntry], state: State) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.state == state:
            counts[entry.reason] = counts.get(entry.reason, 0) + entry.number
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
