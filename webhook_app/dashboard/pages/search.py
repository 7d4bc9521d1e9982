"""The search box of every page: an order, a delivery or, where that is chosen, a profile key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, request, url_for

from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import scope
from webhook_app.dashboard.pages import deliveries
from webhook_app.inbox import Selection
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.post("/search")
def search() -> ResponseReturnValue:
    """Go to what was searched for. It is posted, since no URL may hold what identifies a visitor."""
    text = request.form.get("q", "").strip()
    if request.form.get("what") == "profile_key":
        return deliveries.show({}, profile_key=text)
    if not text:
        return redirect(url_for(".deliveries"), 303)
    if deliveries.of_order(DeliveryFilter(Selection(order=text), shops=scope())).rows:
        return redirect(url_for(".deliveries", order=text), 303)
    number = deliveries.number_of_delivery(text)
    if number is not None:
        return redirect(url_for(".delivery", number=number), 303)
    return redirect(url_for(".deliveries", order=text), 303)
