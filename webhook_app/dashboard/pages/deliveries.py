"""The list of deliveries: filters, pages, and the live tail."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import render_template, request

from schemas.events import Reason
from webhook_app.dashboard import topic_groups
from webhook_app.dashboard.access import gate
from webhook_app.dashboard.context import current
from webhook_app.delivery.causes import REASON_PREFIXES, TITLES, Cause
from webhook_app.inbox import Selection, State, activity, statistics
from webhook_app.inbox.activity import ActivityKind
from webhook_app.inbox.reports import delivery_pages
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.typing import ResponseReturnValue

PAGE = 50
# "waiting" is what a person calls everything that is not settled yet.
STATES = {
    "delivered": (State.DELIVERED.value,),
    "waiting": tuple(state.value for state in UNFINISHED),
    "ignored": (State.IGNORED.value,),
    "dead": (State.DEAD.value,),
}
FILTERS = ("shop", "platform", "topic", "state", "reason", "since", "until", "order", "number")
WORD = re.compile(r"[\x21-\x7e]{1,192}")
WHOLE = re.compile(r"\d{1,18}")


@gate.route("/deliveries", methods=["GET", "POST"])
def deliveries() -> ResponseReturnValue:
    """Show a page of deliveries; a profile key comes with POST, since no URL may hold what points to a person."""
    asked, faults = _asked(request.values)
    key = request.form.get("profile_key", "").strip()
    wanted = _wanted(asked, key)
    below = _whole(request.values.get("below", ""))
    inbox = current().inbox
    if not request.headers.get("X-Live"):  # the newest are read anyway, and a tail that is open asks all the time
        statistics.refresh(inbox)
    page = delivery_pages.page(inbox, wanted, PAGE, below)
    return render_template(
        "dashboard/deliveries.html",
        page=page,
        asked=asked,
        faults=faults,
        profile_key=key,
        below=below,
        now=inbox.clock(),
        live=request.args.get("live") == "1" and below is None and not key,
        choices=_choices(asked),
    )


def _asked(given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the filters that were set, without those that cannot be meant, and a sentence for each of these."""
    asked = {name: value.strip() for name in FILTERS if (value := given.get(name, "")).strip()}
    tests: dict[str, Callable[[str], object]] = {
        "state": _is_state,
        "number": WHOLE.fullmatch,
        "since": _milliseconds,
        "until": _milliseconds,
    }
    odd = [name for name, value in asked.items() if not tests.get(name, WORD.fullmatch)(value)]
    written = {"since": "a time such as 2026-11-27T09:30 (UTC)", "until": "a time such as 2026-11-27T09:30 (UTC)"}
    faults = [f"{name}: expected {written.get(name, 'one of those that are offered')}." for name in odd]
    return {name: value for name, value in asked.items() if name not in odd}, faults


def _is_state(value: str) -> bool:
    return value in STATES or value in list(State)


def _wanted(asked: Mapping[str, str], profile_key: str) -> DeliveryFilter:
    state, reason = asked.get("state", ""), asked.get("reason", "")
    fault = next((fault for fault in Cause if reason == f"fault:{fault}"), None)
    number = _whole(asked.get("number", ""))
    chosen = next((name for name in topic_groups.SETS if asked.get("topic") == f"set:{name}"), None)
    selection = Selection(
        ids=() if number is None else (number,),
        shop=asked.get("shop"),
        topic=None if chosen else asked.get("topic"),
        states=STATES.get(state, (state,) if state else ()),
        reason=None if fault else reason or None,
        reason_prefixes=REASON_PREFIXES[fault] if fault else (),
        since=_milliseconds(asked.get("since", "")),
        until=_milliseconds(asked.get("until", "")),
    )
    order = asked.get("order", "").removeprefix("purchase:")
    wanted, without = _topics(chosen)
    return DeliveryFilter(selection, asked.get("platform"), wanted, without, order or None, profile_key or None)


def _topics(chosen: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which topics are in a set, or which are not."""
    platforms = current().platforms
    if chosen == topic_groups.OTHERS:
        return (), topic_groups.names(platforms, topic_groups.ORDERS) + topic_groups.names(
            platforms, topic_groups.STOREFRONT
        )
    return (topic_groups.names(platforms, chosen) if chosen else ()), ()


def _milliseconds(value: str) -> int | None:
    """Read a time as forms write it, in UTC unless it says otherwise; None for what is no time."""
    try:
        moment = datetime.fromisoformat(value)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _whole(value: str) -> int | None:
    return int(value) if WHOLE.fullmatch(value) else None


def _choices(asked: Mapping[str, str]) -> dict[str, Any]:
    """Return what the form offers: what is configured, and what came."""
    dashboard = current()
    came = {seen.name for seen in activity.last_seen(dashboard.inbox, ActivityKind.TOPIC, asked.get("shop"))}
    mapped = {topic.name for platform in dashboard.platforms.values() for topic in platform.topics}
    configured = {shop.platform for shop in dashboard.shops.values()}
    return {
        "shop": sorted({*dashboard.shops, *filter(None, [asked.get("shop")])}),
        "platform": sorted(configured),
        "topic": sorted(
            {*(came or mapped), *filter(None, [asked.get("topic")])} - {f"set:{name}" for name in topic_groups.SETS}
        ),
        "set": {f"set:{name}": title for name, title in topic_groups.SETS.items()},
        "state": list(STATES),
        "reason": sorted({*map(str, Reason), *filter(None, [asked.get("reason")])}),
        "fault": {f"fault:{fault}": f"dead: {TITLES[fault]}" for fault in Cause},
    }
