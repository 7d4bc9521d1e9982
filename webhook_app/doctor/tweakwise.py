"""Checks of the Analytics API: whether it can be reached and accepts the instance keys, and whether clocks agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook_app.doctor.http_probe import probe
from webhook_app.formatting import duration
from webhook_app.health.checks.storage import SYNCHRONISE
from webhook_app.health.finding import Finding, Severity
from webhook_app.health.thresholds import CLOCK_ERROR, CLOCK_WARNING
from webhook_app.inbox import Selection, State
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.time_units import SECOND
from webhook_app.tweakwise.transport import route_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.shops import Shop
    from webhook_app.doctor.context import CheckContext
    from webhook_app.doctor.http_probe import ProbeResponse

# Always the same profile: each new one may evict a real visitor's at Tweakwise.
TERM, PROFILE = "webhook receiver doctor", "webhook-receiver-doctor"
UNREACHABLE = "Check TWEAKWISE_URL, TWEAKWISE_PROXY, CA_BUNDLE where a private authority signs, and the firewall."
REFUSED = (401, 403, 404)


def reachable(context: CheckContext) -> Iterator[Finding]:
    """GET each address of the API, without an instance key or event, and compare clocks."""
    skews: dict[str, float] = {}
    for url in sorted({_url(context, shop) for shop in context.shops.values()}):
        response = _ask(context, "GET", url)
        yield _reachability(url, response)
        if response.clock_skew is not None:
            skews[url] = response.clock_skew
    for url, skew in skews.items():
        yield _clock(url, skew)


def instance_keys(context: CheckContext) -> Iterator[Finding]:
    """Report whether each instance key is accepted: from the last delivery, or by sending one event."""
    for shop in context.shops.values():
        yield _from_test_event(context, shop) if context.sends_events else _from_last_delivery(context, shop)


def _reachability(url: str, response: ProbeResponse) -> Finding:
    if response.failure:
        text = f"{url} cannot be reached: {response.message}. Events wait until it can."
        return Finding("tweakwise", Severity.ERROR, text, UNREACHABLE)
    if 300 <= response.status < 400:  # noqa: PLR2004 - HTTP's own classes
        text = f"{url} answers with a redirect ({response.status}), which is never followed: no event is delivered."
        return Finding("tweakwise", Severity.ERROR, text, "Correct TWEAKWISE_URL or tweakwise_url.")
    if response.status >= 500:  # noqa: PLR2004 - HTTP's own classes
        text = f"{url} answers with a server error ({response.status})."
        return Finding("tweakwise", Severity.WARNING, text, "No action is needed: events are stored and retried.")
    return Finding("tweakwise", Severity.OK, f"{url} can be reached (with a plain GET; no event was sent).")


def _clock(url: str, skew: float) -> Finding:
    size = abs(skew)
    direction = "ahead of" if skew > 0 else "behind"
    text = f"The clock of this machine is {duration(size * SECOND)} {direction} that of {url}."
    if size * SECOND > CLOCK_ERROR:
        return Finding("clock", Severity.ERROR, text, SYNCHRONISE)
    if size * SECOND > CLOCK_WARNING:
        return Finding("clock", Severity.WARNING, text, SYNCHRONISE)
    return Finding("clock", Severity.OK, f"The clock of this machine agrees with that of {url}.")


def _from_last_delivery(context: CheckContext, shop: Shop) -> Finding:
    last = stored_deliveries.newest(context.inbox, 1, Selection(shop=shop.name, states=(State.DELIVERED,)))
    if last and last[0].settled_at:
        age = duration(context.inbox.clock() - last[0].settled_at)
        return Finding("instance key", Severity.OK, f"Tweakwise accepted an event of {shop.name} {age} ago.")
    text = f"No event of {shop.name} has been delivered yet, so its instance key is untested."
    advice = "Test it with --send, which sends one search: the API has no harmless request that needs the key."
    summary = "no event has been delivered yet, so the instance key is untested"
    return Finding("instance key", Severity.INFO, text, advice, shop.name, summary=summary)


def _from_test_event(context: CheckContext, shop: Shop) -> Finding:
    url = f"{_url(context, shop).rstrip('/')}/api/search"
    response = _send_search(context, shop, url)
    sent = f'sent: POST {url}, SearchTerm "{TERM}", ProfileKey "{PROFILE}", TWN-Source Internal-Traffic'
    if response.failure:
        text = f"{response.message[0].upper()}{response.message[1:]} ({sent})."
        return Finding("instance key", Severity.ERROR, text, "Try again.")
    if 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's own classes
        return Finding("instance key", Severity.OK, f"Tweakwise accepts the instance key of {shop.name} ({sent}).")
    if response.status in REFUSED:
        text = f"Tweakwise refuses the instance key of {shop.name} with {response.status} ({sent})."
        return Finding("instance key", Severity.ERROR, text, "Copy the key from the Tweakwise app again.")
    text = f"Tweakwise answers {response.status} to a search of {shop.name} ({sent})."
    return Finding(
        "instance key", Severity.WARNING, text, "This does not show whether the key is valid; try again later."
    )


def _send_search(context: CheckContext, shop: Shop, url: str) -> ProbeResponse:
    headers = {
        "Content-Type": context.config.tweakwise_content_type,
        "Instance-Key": shop.instance_key,
        "TWN-Source": "Internal-Traffic",
    }
    body = {"SearchTerm": TERM, "ProfileKey": PROFILE}
    return _ask(context, "POST", url, json=body, headers=headers)


def _ask(context: CheckContext, method: str, url: str, **options: Any) -> ProbeResponse:
    """Send a request as the worker does."""
    return probe(method, url, **options, **route_of(context.config).for_requests(url))


def _url(context: CheckContext, shop: Shop) -> str:
    return shop.tweakwise_url or context.config.tweakwise_url
