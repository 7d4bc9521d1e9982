"""Checks of what is received: refused webhooks, shops that never sent one, and topics that are missing."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from webhook_app.formatting import counted, duration
from webhook_app.health import thresholds
from webhook_app.health.check import Check
from webhook_app.health.finding import Finding, Severity
from webhook_app.health.thresholds import SIGNATURE_PERIOD
from webhook_app.time_units import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.health.measurements import Measurements

WITHIN = "in the last two hours"
UNAVAILABLE = "unavailable"
# What corrects a refusal that is no matter of the signature; others are the sender's.
LIMITS = {
    "too_large": "Raise MAX_BODY if these are orders: the platform sends them in vain.",
    "request_entity_too_large": "Raise MAX_BODY if these are orders: the platform sends them in vain.",
    "content_encoding": "Configure the proxy to pass webhooks on without compressing them.",
}
CHECK_THE_PLATFORM = "Check that the webhook is still active at the platform."
CONNECT = "`check --url` shows each webhook URL and where to paste it; `send-sample` tests it."
INSTALL = "Install the shop's app, which registers itself: `make-app` and the shop's page of the dashboard make it."
FETCH = "`reconcile` fetches orders that are missing."
VERIFY = "Compare the secret with the platform's; `python -m webhook_app verify` finds what differs."


def signatures(measured: Measurements) -> Iterator[Finding]:
    """Report shops whose webhooks are refused because their signature is missing or wrong."""
    for (shop, reason), count in measured.refused.items():
        if not reason.startswith("signature_"):
            continue
        accepted = measured.accepted.get(shop, 0)
        severity = _severity_of_refusals(measured, (shop, reason), count, accepted)
        refused = counted(count, "webhook was", "webhooks were")
        passed = f"{accepted} were accepted" if accepted else "none was accepted"
        text = f"{shop}: {refused} refused {WITHIN} ({reason}), {passed}."
        summary = f"webhooks are refused ({reason})"
        link = _page(shop)
        if severity is not Severity.OK:
            yield Finding("signatures", severity, text, VERIFY, shop, reason, summary, link, alerts=True)


def _severity_of_refusals(measured: Measurements, what: tuple[str, str], count: int, accepted: int) -> Severity:
    missing = _genuine_ones_are_missing(measured, what[0])
    last = measured.last_accepted_of(what[0])
    is_unusual = count >= thresholds.SPIKE * measured.usually_refused.get(what, 0.0)
    if count >= measured.thresholds.refusals and (is_unusual or (last is not None and not accepted)):
        if missing is Severity.ERROR:
            return missing
    elif not accepted and count < thresholds.FEW_REFUSALS:
        return Severity.INFO
    is_later = not accepted or measured.last_refused.get(what, 0) > (last or 0)
    return Severity.WARNING if missing and count >= thresholds.FEW_REFUSALS and is_later else Severity.OK


def _genuine_ones_are_missing(measured: Measurements, shop: str) -> Severity | None:
    """Judge whether webhooks of a shop are accepted as usual (None): then those with a wrong signature are forged.

    A warning within two minutes, since whether the refused ones are forged cannot be known; an error when that the
    genuine ones are missing cannot be chance any more.
    """
    accepted, last = measured.accepted.get(shop, 0), measured.last_accepted_of(shop)
    if not accepted or last is None:
        return Severity.ERROR
    missing = measured.now - last
    usual_gap = SIGNATURE_PERIOD / max(accepted, measured.usually_accepted.get(shop, 0.0))
    surely = min(thresholds.MISSED_SURELY * usual_gap, max(thresholds.LONGEST_GAP, thresholds.MISSED * usual_gap))
    if missing > max(thresholds.SHORTEST_SURE_GAP, surely):
        return Severity.ERROR
    soon = min(thresholds.MISSED * usual_gap, thresholds.SHORTEST_SURE_GAP)
    return Severity.WARNING if missing > max(thresholds.SHORTEST_GAP, soon) else None


def refusals(measured: Measurements) -> Iterator[Finding]:
    """Report webhooks that were not stored for other reasons than their signature."""
    for (shop, reason), count in measured.refused.items():
        if measured.now - measured.last_refused.get((shop, reason), 0) > thresholds.RECENTLY:
            continue
        refused = counted(count, "webhook was", "webhooks were")
        if reason == UNAVAILABLE:
            text = f"{shop}: {refused} answered with 503 {WITHIN}; {_platform(measured, shop, count)}."
            advice = f"The log has the cause: store_unavailable or unexpected_error. {FETCH}"
            summary = "webhooks were answered with 503"
            yield Finding("refusals", Severity.WARNING, text, advice, shop, reason, summary)
        elif reason in LIMITS:
            text = f"{shop}: {refused} refused {WITHIN} ({reason}) and will never be accepted."
            summary = f"webhooks are refused ({reason})"
            yield Finding("refusals", Severity.WARNING, text, LIMITS[reason], shop, reason, summary)


def _platform(measured: Measurements, shop: str, count: int) -> str:
    platform = measured.platforms[measured.shops[shop].platform]
    return f"{platform.title} {platform.resends if count == 1 else platform.resends.replace(' it ', ' them ')}"


def events(measured: Measurements) -> Iterator[Finding]:
    """Report when the last event of each shop was received, and which topics were never received."""
    received_by: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (owner, name), at in measured.last_accepted.items():
        received_by[owner][name] = at
    for shop in measured.shops.values():
        received = received_by[shop.name]
        if not received:
            yield _never(measured, shop.name)
            continue
        yield _last_event(shop.name, received, measured.now)
        wanted = [topic.name for topic in measured.platforms[shop.platform].topics if topic.subscribe]
        if missing := ", ".join(topic for topic in wanted if topic not in received):
            text, advice = f"{shop.name} never sent {missing}.", CONNECT
            summary = f"never sent {missing}"
            yield Finding("events", Severity.INFO, text, advice, shop.name, "topics", summary, _page(shop.name))


def _never(measured: Measurements, shop: str) -> Finding:
    refused = {reason: count for (name, reason), count in measured.refused.items() if name == shop}
    why = "; ".join(f"{counted(count, 'was', 'were')} refused ({reason})" for reason, count in refused.items())
    text = f"No webhook was ever received from {shop}{f'; {WITHIN}, {why}' if why else ''}."
    summary = "no webhook was ever received"
    known = measured.shops.get(shop)
    advice = VERIFY if why else INSTALL if known and known.app_secret and not known.secrets else CONNECT
    return Finding("events", Severity.WARNING, text, advice, shop, "", summary, f"{_page(shop)}#setup")


def _last_event(shop: str, received: Mapping[str, int], now: int) -> Finding:
    last = max(received, key=lambda topic: received[topic])
    age = now - received[last]
    text = f"The last event of {shop} was received {duration(age)} ago ({last})."
    if age > thresholds.SHOP_SILENT_AFTER:
        summary = f"no event for {duration(thresholds.SHOP_SILENT_AFTER)}"
        return Finding("events", Severity.WARNING, text, CHECK_THE_PLATFORM, shop, "", summary, _page(shop))
    return Finding("events", Severity.OK, text, shop=shop)


def silences(measured: Measurements) -> Iterator[Finding]:
    """Report topics that used to be received and are missing."""
    longest_allowed = measured.thresholds.silent_for * SECOND
    for one in measured.silent:
        silence, usual = measured.now - one.last_at, longest_silence(one.hours)
        if usual is not None and silence > max(longest_allowed, thresholds.LONGER * usual):
            text = (
                f"{one.shop}: no {one.topic} for {duration(silence)}; in the two weeks before, "
                f"the longest time without one was {duration(usual)}."
            )
            yield Finding(
                "silence",
                Severity.ERROR,
                text,
                CHECK_THE_PLATFORM,
                one.shop,
                one.topic,
                f"no {one.topic} for longer than usual",
                _link("deliveries", shop=one.shop, topic=one.topic),
                one.topic,
                alerts=True,
            )


def longest_silence(hours: Sequence[int]) -> int | None:
    """Return the longest time between two of `hours`, None if they are too few to expect the topic at all."""
    if len(hours) < thresholds.USUAL_HOURS or len({hour // DAY for hour in hours}) < thresholds.USUAL_DAYS:
        return None
    return max(after - before for before, after in pairwise(sorted(hours)))


def _page(shop: str) -> str:
    return f"/dashboard/shops/{shop}"


def _link(page: str, **query: str) -> str:
    return f"/dashboard/{page}?{urlencode(query)}"


CHECKS = (
    Check("signatures", signatures),
    Check("refusals", refusals),
    Check("silence", silences),
    Check("events", events),
)
