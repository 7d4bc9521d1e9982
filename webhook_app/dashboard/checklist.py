"""The set-up of a shop as a checklist that ticks itself: each item is judged by what the inbox shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.events import Reason
from webhook_app.formatting import counted, date_and_time, duration, number, percent
from webhook_app.inbox import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.counting.activity import ActivityTotal
    from webhook_app.inbox.reports.key_overlap import KeyOverlap
    from webhook_app.inbox.reports.shop_outcomes import Outcome
    from webhook_app.inbox.shop_records.feed_check_results import FeedCheckResult
    from webhook_app.inbox.shop_records.reconciliations import ReconciliationState
    from webhook_app.platforms.base import Platform

WITHOUT_KEY = frozenset({Reason.NO_PROFILE, Reason.NO_KEY, Reason.NO_CONSENT, Reason.BAD_PROFILE_KEY})
WITHOUT_KEY |= {Reason.PERSONAL_DATA}
GOOD_KEYS, GOOD_PRODUCTS = 0.8, 0.95  # shares that are as they should be


@dataclass(frozen=True, slots=True)
class Item:
    """One line: `done` is None where the receiver cannot know, or has nothing to judge by yet.

    `advice` is for those who operate the receiver: a merchant who has a link to the page is not shown it.
    """

    title: str
    text: str
    done: bool | None
    advice: str = ""

    @property
    def state(self) -> str:
        """Its CSS class, and the word that stands for the tick."""
        return "unknown" if self.done is None else "done" if self.done else "open"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the items are judged by. `is_registered` is None on a platform whose apps do not register themselves."""

    now: int
    received: Sequence[ActivityTotal]
    refused: Sequence[ActivityTotal]
    outcomes: Sequence[Outcome]
    match: FeedCheckResult | None
    overlap: KeyOverlap | None
    reconciliation: ReconciliationState | None
    is_registered: bool | None


def items(shop: Shop, platform: Platform, evidence: Evidence) -> list[Item]:
    """Return the checklist of a shop, in the order in which it is set up."""
    return [
        *_registration(evidence),
        _reached(evidence),
        _verified(evidence),
        *_topics(platform, evidence),
        *_active(evidence),
        _delivered(evidence),
        _profile_keys(evidence),
        _product_keys(shop, evidence),
        _overlap(evidence),
        _reconciled(shop, platform, evidence),
        _single_source(),
    ]


def _registration(evidence: Evidence) -> Iterator[Item]:
    if evidence.is_registered is not None:
        is_done = evidence.is_registered
        text = "The app has agreed a secret with the shop." if is_done else "The app is not installed in the shop yet."
        yield Item("App registered", text, is_done, "" if is_done else "Setup below has the app to install.")


def _reached(evidence: Evidence) -> Item:
    last = max((one.last_at for one in (*evidence.received, *evidence.refused)), default=None)
    if last is None:
        return Item("Address reached", "No request has reached the webhook URL of this shop yet.", done=False)
    return Item("Address reached", f"Last {duration(evidence.now - last)} ago.", done=True)


def _verified(evidence: Evidence) -> Item:
    if evidence.received:
        first = min(one.first_at for one in evidence.received)
        return Item("First verified webhook", f"{date_and_time(first)} UTC.", done=True)
    refused = sum(one.count for one in evidence.refused)
    why = ", ".join(sorted({one.name for one in evidence.refused}))
    text = f"{counted(refused, 'request was', 'requests were')} refused: {why}." if refused else "None so far."
    return Item("First verified webhook", text, done=False)


def _topics(platform: Platform, evidence: Evidence) -> Iterator[Item]:
    known: Mapping[str, ActivityTotal] = {one.name: one for one in evidence.received}
    for topic in platform.topics:
        if topic.subscribe:
            seen = known.get(topic.name)
            text = f"Last {duration(evidence.now - seen.last_at)} ago." if seen else f"Never received. {topic.summary}"
            yield Item(f"Topic {topic.name}", text, done=seen is not None)


def _active(evidence: Evidence) -> Iterator[Item]:
    webhooks = evidence.reconciliation.webhooks if evidence.reconciliation else ()
    if webhooks:
        off = sorted(f"{one.topic} ({one.status})" for one in webhooks if not one.works)
        text = f"Not active: {', '.join(off)}." if off else f"All {len(webhooks)} at the platform are active."
        yield Item("Webhooks active at the platform", text, done=not off)


def _delivered(evidence: Evidence) -> Item:
    done = [one for one in evidence.outcomes if one.state == State.DELIVERED]
    if not done:
        return Item("First delivery to Tweakwise", "Nothing was delivered in the last 30 days.", done=False)
    text = f"Events delivered in the last 30 days: {number(sum(one.number for one in done))}."
    return Item("First delivery to Tweakwise", text, done=True)


def _profile_keys(evidence: Evidence) -> Item:
    """Judge by one topic, that of most purchases: an order without key is reported by several webhooks."""
    title = "Orders with a profile key"
    delivered = {one.topic: one.number for one in evidence.outcomes if one.state == State.DELIVERED and one.is_order}
    without: dict[str, int] = {}
    for one in evidence.outcomes:
        if one.is_order and one.reason in WITHOUT_KEY:
            without[one.topic] = without.get(one.topic, 0) + one.number
    topics = {*delivered, *without}
    if not topics:
        return Item(title, "No order has been received in the last 30 days.", done=None)
    topic = max(sorted(topics), key=lambda name: delivered.get(name, 0) + without.get(name, 0))
    every = delivered.get(topic, 0) + without.get(topic, 0)
    share = delivered.get(topic, 0) / every
    orders = f"{number(every)} {'order' if every == 1 else 'orders'} of 30 days ({topic})"
    text = f"{percent(share)} of {orders}; orders without a key are not sent."
    return Item(title, text, done=share >= GOOD_KEYS)


def _product_keys(shop: Shop, evidence: Evidence) -> Item:
    title, match = "Product keys in the feed", evidence.match
    if match is None or match.share is None:
        return Item(title, "Not compared yet.", None, f"Run `python -m webhook_app match --shop {shop.name}`.")
    text = f"{percent(match.share)} of {number(match.sent)} keys, compared {duration(evidence.now - match.at)} ago."
    if match.better:
        text += f" The template {match.better.template} would match more of them."
    return Item(title, text, done=match.share >= GOOD_PRODUCTS)


def _overlap(evidence: Evidence) -> Item:
    title, found = "Purchases of visitors who were seen before", evidence.overlap
    if found is None:
        text = (
            "No view or search comes through this receiver, so it cannot know. Where Tweakwise's own script reports "
            "them, it has to use the same profile key as the orders."
        )
        return Item(title, text, done=None)
    if found.share is None:
        return Item(title, "No purchase was delivered since the oldest view or search that was looked at.", done=None)
    text = (
        f"{percent(found.share)} of the newest {counted(found.purchases, 'purchase')} had a profile key that "
        f"an earlier view or search had; looked at since {date_and_time(found.since)} UTC."
    )
    return Item(title, text, done=found.share > 0)


def _reconciled(shop: Shop, platform: Platform, evidence: Evidence) -> Item:
    title, state = "Compared with the platform's orders", evidence.reconciliation
    if not platform.api_credentials:
        return Item(title, f"{platform.title} has no list of orders to compare with.", done=None)
    if shop.api is None and shop.app_secret is None:
        text = "The receiver has no access to the platform's API."
        return Item(title, text, False, "See docs/reconciliation.md.")  # noqa: FBT003 - a field
    if state is None or state.complete_at is None:
        why = f" ({state.error})" if state and state.error else ""
        return Item(title, f"No comparison was completed yet{why}.", done=False)
    text = f"Last complete {duration(evidence.now - state.complete_at)} ago"
    text += f"; the last attempt failed: {state.error}." if state.error else "."
    return Item(title, text, done=not state.error)


def _single_source() -> Item:
    text = (
        "If the shop also sends Tweakwise's own purchase event (Tweakwise's script, a tag manager, or its module for "
        "the platform), each order counts twice. The receiver cannot see what others send: switch that event off, and "
        "compare a day's purchases in Tweakwise with the accounting."
    )
    return Item("Double counting", text, done=None)
