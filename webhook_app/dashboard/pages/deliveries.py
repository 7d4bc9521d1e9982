"""The list of deliveries: filters, pages, and the live tail."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import request

from schemas.events import Reason
from webhook_app.dashboard import counts, topic_groups
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, scope, user, visible
from webhook_app.dashboard.rendering import render
from webhook_app.delivery.causes import REASON_PREFIXES, TITLES, Cause
from webhook_app.health import missing_orders
from webhook_app.inbox import Selection, State, activity, orders, platform_orders
from webhook_app.inbox.activity import ActivityKind
from webhook_app.inbox.reports import delivery_pages
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.tweakwise.call import purchase_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.typing import ResponseReturnValue

    from webhook_app.inbox.platform_orders import PlatformOrder
    from webhook_app.inbox.reports.delivery_pages import Page

PAGE_SIZE = 50
# On the pages, every unsettled delivery is waiting.
STATES = {
    "delivered": (State.DELIVERED.value,),
    "waiting": tuple(state.value for state in UNFINISHED),
    "ignored": (State.IGNORED.value,),
    "dead": (State.DEAD.value,),
}
FILTERS = ("shop", "platform", "topic", "state", "reason", "since", "until", "order", "number")
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,192}")  # of an order: some have spaces and other letters
WORD = re.compile(r"[\x21-\x7e]{1,192}")
WHOLE = re.compile(r"\d{1,18}")


@blueprint.route("/deliveries", methods=["GET", "POST"])
def deliveries() -> ResponseReturnValue:
    """Show a page of deliveries; a profile key is posted, since no URL may hold what identifies a visitor."""
    return show(request.values, request.form.get("profile_key", "").strip())


def show(given: Mapping[str, str], profile_key: str) -> str:
    """Return the page with the filters that are given."""
    filters, errors = _filters(given)
    wanted = _wanted(filters, profile_key)
    below = _whole(given.get("below", ""))
    inbox = current().inbox
    if not request.headers.get("X-Live"):  # an open live page asks often, and reads only the newest rows
        counts.refresh()
    order = filters.get("order")
    page = of_order(wanted, below) if order else delivery_pages.page(inbox, wanted, PAGE_SIZE, below)
    return render(
        "dashboard/deliveries.html",
        page=page,
        filters=filters,
        errors=errors,
        profile_key=profile_key,
        below=below,
        now=inbox.clock(),
        live=request.args.get("live") == "1" and below is None and not profile_key,
        choices=_choices(filters),
        listed=_listed(order) if order and not page.rows else [],
        explanations=_explanations(filters) if order and not page.rows and page.older is None else [],
        same_number=number_of_delivery(order) if order else None,
    )


def of_order(wanted: DeliveryFilter, below: int | None = None) -> Page:
    """Return a page of deliveries about an order, after reading the orders of those that no worker has settled."""
    counts.read_order_names()
    return delivery_pages.page(current().inbox, wanted, PAGE_SIZE, below)


def number_of_delivery(text: str) -> int | None:
    """Return the number that `text` is, if there is such a delivery that the user sees."""
    number = _whole(text.removeprefix("#"))
    if number is None:
        return None
    wanted = DeliveryFilter(Selection(ids=(number,)), shops=scope())
    return number if delivery_pages.page(current().inbox, wanted, 1).rows else None


def _explanations(filters: Mapping[str, str]) -> list[str]:
    """Return why no delivery may be about an order, for the shops that the search is about."""
    dashboard = current()
    names = [filters["shop"]] if filters.get("shop") in dashboard.shops else visible(dashboard.shops)
    shops = {name: dashboard.shops[name] for name in names}
    return missing_orders.explanations(dashboard.inbox, shops, dashboard.platforms, dashboard.ages.remembered)


def _listed(order: str) -> list[PlatformOrder]:
    """Return the orders of that number or id that a platform lists, although no delivery is about them."""
    names = orders.spellings(order)
    found = platform_orders.find(current().inbox, [*names, *map(purchase_key, names)])
    return [one for one in found if user().sees(one.shop)]


def _filters(given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the valid filters, and an error message for each invalid one."""
    filters = {name: value.strip() for name in FILTERS if (value := given.get(name, "")).strip()}
    tests: dict[str, Callable[[str], object]] = {
        "state": _is_state,
        "number": WHOLE.fullmatch,
        "order": NAME.fullmatch,
        "since": _milliseconds,
        "until": _milliseconds,
    }
    invalid = [name for name, value in filters.items() if not tests.get(name, WORD.fullmatch)(value)]
    expected = {"since": "a time such as 2026-11-27T09:30 (UTC)", "until": "a time such as 2026-11-27T09:30 (UTC)"}
    errors = [f"{name}: expected {expected.get(name, 'one of the choices of the form')}." for name in invalid]
    return {name: value for name, value in filters.items() if name not in invalid}, errors


def _is_state(value: str) -> bool:
    return value in STATES or value in list(State)


def _wanted(filters: Mapping[str, str], profile_key: str) -> DeliveryFilter:
    state, reason = filters.get("state", ""), filters.get("reason", "")
    cause = next((cause for cause in Cause if reason == f"fault:{cause}"), None)
    number = _whole(filters.get("number", ""))
    group = next((name for name in topic_groups.GROUPS if filters.get("topic") == f"set:{name}"), None)
    selection = Selection(
        ids=() if number is None else (number,),
        shop=filters.get("shop"),
        topic=None if group else filters.get("topic"),
        states=STATES.get(state, (state,) if state else ()),
        reason=None if cause else reason or None,
        reason_prefixes=REASON_PREFIXES[cause] if cause else (),
        since=_milliseconds(filters.get("since", "")),
        until=_milliseconds(filters.get("until", "")),
        order=filters.get("order"),
    )
    wanted, without = _topics(group)
    return DeliveryFilter(
        selection,
        filters.get("platform"),
        wanted,
        without,
        profile_key or None,
        shops=None if filters.get("shop") else scope(),
    )


def _topics(group: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the topics of a group, or those that are not in it."""
    platforms = current().platforms
    if group == topic_groups.OTHERS:
        return (), topic_groups.names(platforms, topic_groups.ORDERS) + topic_groups.names(
            platforms, topic_groups.STOREFRONT
        )
    return (topic_groups.names(platforms, group) if group else ()), ()


def _milliseconds(value: str) -> int | None:
    """Return a time from a form in milliseconds, in UTC without an offset; None if it is not a time."""
    try:
        moment = datetime.fromisoformat(value)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _whole(value: str) -> int | None:
    return int(value) if WHOLE.fullmatch(value) else None


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
        "reason": sorted({*map(str, Reason), *filter(None, [filters.get("reason")])}),
        "cause": {f"fault:{cause}": f"Dead: {TITLES[cause]}" for cause in Cause},
    }
