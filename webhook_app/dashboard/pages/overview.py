"""The overview: what needs attention, the figures of all shops, and a table of the shops, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, request, url_for

from webhook_app.dashboard import counts, figures, shop_table
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.attention import attention, problems
from webhook_app.dashboard.context import current, scope, user
from webhook_app.dashboard.rendering import render
from webhook_app.dashboard.shop_table import ShopRow
from webhook_app.health import shop_states
from webhook_app.inbox.counting import activity
from webhook_app.inbox.reports import shop_counts
from webhook_app.inbox.reports.shop_counts import OrderCounts
from webhook_app.platforms import topic_groups
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


FEW = 10  # shops; where one of so few never sent an order, someone may be setting it up and waiting for the first


@blueprint.get("", strict_slashes=False, endpoint="overview")
def show() -> ResponseReturnValue:
    """Show all shops that the user sees."""
    if shop := request.args.get("shop"):  # where findings of earlier versions lead to
        return redirect(url_for(".shop", shop=shop, range=request.args.get("range")), 303)
    progress = counts.refresh()
    current().health.follow(activity.names_seen(current().inbox))
    asked = shop_table.query(request.args)
    rows = _rows()
    return render(
        "dashboard/overview.html",
        is_shared=False,
        shop=None,
        progress=progress,
        attention=attention(None),
        muted=[one for one in problems() if one.is_muted],
        asked=asked,
        every=len(rows),
        rows=shop_table.shown(rows, asked),
        awaits_first=len(rows) <= FEW and not all(row.last_order for row in rows),
        columns=shop_table.COLUMNS,
        states=shop_table.STATES,
        compares=any(shop.api for shop in current().shops.values()),
        **figures.figures(scope()),
    )


def _rows() -> list[ShopRow]:
    """Return a row for each shop that the user sees: those that are configured, and others with recent deliveries."""
    inbox, shops = current().inbox, current().shops
    now, order_topics = inbox.clock(), topic_groups.names(current().platforms, topic_groups.ORDERS)
    orders, waiting = shop_counts.orders(inbox, order_topics, scope()), shop_counts.waiting(inbox)
    reported = shop_counts.reported(inbox, now - DAY)
    refused, last = shop_counts.refused(inbox), shop_counts.last_orders(inbox, order_topics)
    problems_of = shop_states.problems_of(current().health.findings(), shops)
    return [
        ShopRow(
            name,
            shop_states.state_of(problems_of.get(name, ()), is_configured=name in shops),
            shop_states.checks_of(problems_of.get(name, ())),
            shop_states.muted_of(problems_of.get(name, ())),
            orders.get(name) or OrderCounts(),
            waiting.get(name, 0),
            refused.get(name, 0),
            last.get(name),
            reported.get(name),
        )
        for name in {*shops, *orders, *waiting}
        if user().sees(name)
    ]
