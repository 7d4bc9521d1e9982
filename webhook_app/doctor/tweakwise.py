"""Checks of the Analytics API: is it reached, does it take the instance keys, and does it agree on the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.doctor.finding import Finding, Level, span
from webhook_app.doctor.http_probe import probe
from webhook_app.inbox import Selection, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.shops import Shop
    from webhook_app.doctor.finding import Subject
    from webhook_app.doctor.http_probe import ProbeResponse

WARNING_SKEW, WRONG_SKEW = 5, 60  # seconds; timestamps of webhooks may be 90 to 300 seconds off
CLOCK = "Let the machine's clock be set by the network: timedatectl set-ntp true"
# One profile for ever: each new one may push out a real visitor's.
TERM, PROFILE = "webhook receiver doctor", "webhook-receiver-doctor"
REFUSED = (401, 403, 404)


def reached(subject: Subject) -> Iterator[Finding]:
    """GET each address of the API, without any key or event, and compare clocks."""
    skews: dict[str, float] = {}
    for url in sorted({_url(subject, shop) for shop in subject.shops.values()}):
        answer = probe("GET", url)
        yield _reached(url, answer)
        if answer.skew is not None:
            skews[url] = answer.skew
    for url, skew in skews.items():
        yield _clock(url, skew)


def keys(subject: Subject) -> Iterator[Finding]:
    """Tell whether each instance key is taken: from what was delivered last, or by one event that is sent."""
    for shop in subject.shops.values():
        yield _sent(subject, shop) if subject.sends else _remembered(subject, shop)


def _reached(url: str, answer: ProbeResponse) -> Finding:
    if answer.fault:
        said = f"{url} is not reached: {answer.said}."
        return Finding("tweakwise", Level.WRONG, said, "Is TWEAKWISE_URL right, and does a firewall let it through?")
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own classes
        said = f"{url} answers with a redirect ({answer.status}), which no call follows."
        return Finding("tweakwise", Level.WRONG, said, "Correct TWEAKWISE_URL or tweakwise_url.")
    if answer.status >= 500:  # noqa: PLR2004 - HTTP's own classes
        said = f"{url} has trouble of its own ({answer.status})."
        return Finding("tweakwise", Level.WARNING, said, "Wait; events are kept and repeated.")
    return Finding("tweakwise", Level.FINE, f"{url} is reached (asked with a plain GET, nothing was sent).")


def _clock(url: str, skew: float) -> Finding:
    size = abs(skew)
    said = f"This machine's clock is {span(size)} {'ahead of' if skew > 0 else 'behind'} that of {url}."
    if size > WRONG_SKEW:
        return Finding("clock", Level.WRONG, said, CLOCK)
    if size > WARNING_SKEW:
        return Finding("clock", Level.WARNING, said, CLOCK)
    return Finding("clock", Level.FINE, f"This machine's clock agrees with that of {url}.")


def _remembered(subject: Subject, shop: Shop) -> Finding:
    last = subject.inbox.newest(1, Selection(shop=shop.name, states=(State.DELIVERED,)))
    if last and last[0].settled_at:
        ago = span((subject.inbox.clock() - last[0].settled_at) / 1000)
        return Finding("instance key", Level.FINE, f"Tweakwise took a call of {shop.name} {ago} ago.")
    said = f"No call of {shop.name} was delivered yet, so nobody knows whether its instance key is taken."
    todo = "--send posts one search for it: the API knows no harmless request that needs the key."
    return Finding("instance key", Level.NOTE, said, todo)


def _sent(subject: Subject, shop: Shop) -> Finding:
    url = f"{_url(subject, shop).rstrip('/')}/api/search"
    answer = probe(
        "POST",
        url,
        json={"SearchTerm": TERM, "ProfileKey": PROFILE},
        headers={
            "Content-Type": subject.config.tweakwise_content_type,
            "Instance-Key": shop.instance_key,
            "TWN-Source": "Internal-Traffic",
        },
    )
    sent = f'sent: POST {url}, SearchTerm "{TERM}", ProfileKey "{PROFILE}", TWN-Source Internal-Traffic'
    if answer.fault:
        return Finding(
            "instance key", Level.WRONG, f"{answer.said[0].upper()}{answer.said[1:]} ({sent}).", "Try again."
        )
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own classes
        return Finding("instance key", Level.FINE, f"Tweakwise takes the instance key of {shop.name} ({sent}).")
    if answer.status in REFUSED:
        said = f"Tweakwise refuses the instance key of {shop.name} with {answer.status} ({sent})."
        return Finding("instance key", Level.WRONG, said, "Copy it from the dashboard of the Tweakwise app once more.")
    said = f"Tweakwise answers {answer.status} to a search of {shop.name} ({sent})."
    return Finding("instance key", Level.WARNING, said, "That says nothing of the key; try again later.")


def _url(subject: Subject, shop: Shop) -> str:
    return shop.tweakwise_url or subject.config.tweakwise_url
