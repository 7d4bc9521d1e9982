"""The page of a shop: its findings, set-up, trends and figures; also behind a link that an agency sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, request

from webhook_app.dashboard import attention, checklist, counts, figures, shop_evidence, shop_guide, shop_table, trends
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current
from webhook_app.dashboard.rendering import render
from webhook_app.dashboard.shop_topics import refusals, topics
from webhook_app.health import shop_states
from webhook_app.health.folding import folded
from webhook_app.inbox.counting import activity
from webhook_app.inbox.operations import shared_pages
from webhook_app.inbox.reports import shop_counts
from webhook_app.throttling import circuit_breaker, descriptions
from webhook_app.throttling.state import Scope

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webhook_app.health.finding import Finding


@blueprint.get("/shops/<shop>", endpoint="shop")
def show(shop: str) -> ResponseReturnValue:
    """Show one shop, which the user sees."""
    found = current().shops.get(shop) or abort(404, f"There is no shop {shop}.")
    current().health.follow(activity.names_seen(current().inbox))
    return render(
        "dashboard/shop.html",
        **page_of(shop, attention.problems(shop)),
        is_shared=False,
        guide=shop_guide.guide(found),
        links=shared_pages.open_links(current().inbox, shop),
        validities=shared_pages.VALIDITIES,
        message=request.args.get("message"),
    )


def page_of(shop: str, problems: list[Finding]) -> dict[str, Any]:
    """Return what the page shows of a shop that is configured, beside its set-up. Raises StoreUnavailableError."""
    inbox, known = current().inbox, current().shops[shop]
    progress, shown = counts.refresh(), figures.figures((shop,))
    urgent = [one for one in problems if not one.is_muted]
    return {
        "shop": shop,
        "platform": current().platforms[known.platform],
        "progress": progress,
        "attention": folded(urgent),
        "muted": [one for one in problems if one.is_muted],
        "muted_until": shop_states.muted_of(one for one in problems if one.shop == shop),
        "state": shop_states.state_of((one for one in problems if one.shop == shop), is_configured=True),
        "states": shop_table.STATES,
        "items": checklist.items(known, current().platforms[known.platform], shop_evidence.gather(known)),
        "trends": trends.trends(inbox, shop),
        "within": trends.within,
        "waiting_now": shop_counts.waiting(inbox).get(shop, 0),
        "throttling": _throttling(shop),
        "topics": topics(shop),
        "refusals": refusals(inbox, shop, shown["since"]),
        **shown,
    }


def _throttling(shop: str) -> str:
    """Describe the circuit breaker and the rate of a shop."""
    now, throttle = current().inbox.clock(), current().inbox.throttles().get(Scope.shop(shop))
    if throttle is None:
        return "closed, full speed"
    if throttle.is_open:
        return descriptions.paused_until(throttle, now) or "testing with one call"
    rate = circuit_breaker.current_rate(throttle, now, None)
    return f"limited to {descriptions.calls(rate)} calls a second" if rate else "closed, full speed"
