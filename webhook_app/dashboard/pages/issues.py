"""Issues: dead deliveries of equal cause, resolved together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from webhook_app import masking
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, scope, visible
from webhook_app.dashboard.rendering import render
from webhook_app.delivery.causes import TITLES, cause_of
from webhook_app.inbox.reports import issues as reports

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webhook_app.inbox.reports.issues import Issue

LONGEST_TEXT = 240  # characters
SHOWN_SHOPS = 5


@dataclass(frozen=True, slots=True)
class IssueLine:
    """An issue with its cause in words, and the text of its newest failure with personal values masked."""

    issue: Issue
    cause: str
    text: str
    shops: list[tuple[str, int]]
    more_shops: int
    filters: dict[str, str]


@blueprint.get("/issues")
def issues() -> ResponseReturnValue:
    """Show the issues of all shops that the user sees, or of one."""
    shop = request.args.get("shop") or None
    found = reports.open_issues(current().inbox, scope(shop))
    return render(
        "dashboard/issues.html",
        lines=[_line(one, shop) for one in found.issues],
        complete=found.complete,
        most=reports.MOST,
        shop=shop,
        names=visible(sorted({*current().shops, *([shop] if shop else [])})),
        now=current().inbox.clock(),
    )


def _line(issue: Issue, shop: str | None) -> IssueLine:
    row, cause = issue.sample, cause_of(issue.sample.reason)
    text = masking.answer(row.answer, row.call, revealed=False) or row.detail
    shops = issue.shops.most_common(SHOWN_SHOPS)
    filters = {"state": "dead", "reason": row.reason, "issue": issue.signature, **({"shop": shop} if shop else {})}
    return IssueLine(
        issue,
        TITLES[cause] if cause else "",
        text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…",
        shops,
        len(issue.shops) - len(shops),
        filters,
    )
