"""The list of deliveries: filters, pages, and the live tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request

from schemas.events import Reason
from webhook_app.dashboard import counts, delivery_filters
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, scope, user, visible
from webhook_app.dashboard.delivery_filters import STATES, TITLES_OF_PRESETS, milliseconds, whole
from webhook_app.dashboard.pages import jobs
from webhook_app.dashboard.rendering import render
from webhook_app.delivery.causes import TITLES, Cause
from webhook_app.formatting import timestamp
from webhook_app.health import missing_orders
from webhook_app.inbox import Selection
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.reports import delivery_pages
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter, Page
from webhook_app.platforms import topic_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from webhook_app.dashboard.delivery_filters import GivenFilters

PAGE_SIZE = 50
NO_ROWS = Page((), None)


@blueprint.route("/deliveries", methods=["GET", "POST"])
def deliveries() -> ResponseReturnValue:
    """Show a page of deliveries; a profile key is posted, since no URL may hold what identifies a visitor."""
    return show(request.values, request.form.get("profile_key", "").strip())


def show(given: Mapping[str, str], profile_key: str) -> str:
    """Return the page with the filters that are given; a wrong one selects nothing."""
    filters = delivery_filters.read(given, profile_key)
    below = whole(given.get("below", ""))
    if not request.headers.get("X-Live"):  # an open live page asks often, and reads only the newest rows
        counts.refresh()
    page = NO_ROWS if filters.errors else _page(filters, below)
    order, is_empty = filters.values.get("order"), not page.rows and not filters.errors
    return render(
        "dashboard/deliveries.html",
        page=page,
        filters=filters.values,
        errors=filters.errors,
        profile_key=profile_key,
        below=below,
        now=current().inbox.clock(),
        live=request.args.get("live") == "1" and below is None and not profile_key and not filters.errors,
        choices=_choices(filters.values),
        times={name: timestamp(milliseconds(filters.values.get(name, "")))[:16] for name in ("since", "until")},
        verbs=[] if filters.errors or profile_key else jobs.verbs_for(filters.values),
        explanations=_explanations(filters.values, order) if order and is_empty and page.older is None else [],
        same_number=number_of_delivery(order) if order and not filters.errors else None,
        unknown_shop=is_empty and filters.values.get("shop", "") not in {"", *current().shops},
    )


def _page(filters: GivenFilters, below: int | None) -> Page:
    if "order" in filters.values:
        return of_order(filters.wanted(), below)
    return delivery_pages.page(current().inbox, filters.wanted(), PAGE_SIZE, below)


def of_order(wanted: DeliveryFilter, below: int | None = None) -> Page:
    """Return a page of deliveries about an order, after reading the orders of those that no worker has settled."""
    counts.read_order_names()
    return delivery_pages.page(current().inbox, wanted, PAGE_SIZE, below)


def number_of_delivery(text: str) -> int | None:
    """Return the number that `text` is, if there is such a delivery that the user sees."""
    number = whole(text.removeprefix("#"))
    if number is None:
        return None
    wanted = DeliveryFilter(Selection(ids=(number,)), shops=scope())
    return number if delivery_pages.page(current().inbox, wanted, 1).rows else None


def _explanations(filters: Mapping[str, str], order: str) -> list[str]:
    """Return why no delivery may be about an order, for the shops that the search is about."""
    dashboard = current()
    names = [filters["shop"]] if filters.get("shop") in dashboard.shops else visible(dashboard.shops)
    shops = {name: dashboard.shops[name] for name in names}
    return [
        *missing_orders.at_platforms(dashboard.inbox, shops, order),
        *missing_orders.explanations(dashboard.inbox, shops, dashboard.platforms, dashboard.ages.remembered),
    ]


def _choices(filters: Mapping[str, str]) -> dict[str, Any]:
    """Return the choices of the form: what is configured, and what was received."""
    dashboard = current()
    received = {
        seen.name
        for seen in activity.last_seen(dashboard.inbox, ActivityKind.TOPIC, filters.get("shop"))
        if user().sees(seen.shop)
    }
    mapped = {topic.name for platform in dashboard.platforms.values() for topic in platform.topics}
    configured = {dashboard.shops[name].platform for name in visible(dashboard.shops)}
    return {
        "shop": sorted({*visible(dashboard.shops), *filter(None, [filters.get("shop")])}),
        "platform": sorted(configured),
        "topic": sorted(
            {*(received or mapped), *filter(None, [filters.get("topic")])}
            - {f"set:{name}" for name in topic_groups.GROUPS}
        ),
        "group": {f"set:{name}": title for name, title in topic_groups.GROUPS.items()},
        "state": list(STATES),
        "last": TITLES_OF_PRESETS,
        "reason": sorted({*map(str, Reason), *filter(None, [filters.get("reason")])}),
        "cause": {f"fault:{cause}": f"Dead: {TITLES[cause]}" for cause in Cause},
    }
