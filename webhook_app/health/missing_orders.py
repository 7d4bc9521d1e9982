"""Why no delivery is about an order that someone searched for: what may have become of its webhook."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from schemas.events import Reason
from webhook_app.formatting import counted, date_and_time, duration
from webhook_app.inbox import orders
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.shop_records import platform_orders, reconciliations
from webhook_app.masking import reference
from webhook_app.time_units import DAY, SECOND
from webhook_app.tweakwise.call import purchase_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.shop_records.platform_orders import PlatformOrder
    from webhook_app.platforms.base import Platform

LOOK_BACK = 7 * DAY  # milliseconds in which refused webhooks are counted
MOST_SHOPS = 5  # that are named one by one


def at_platforms(inbox: Inbox, shops: Mapping[str, Shop], order: str) -> list[str]:
    """Return a sentence for each shop of whose platform's own list it is known whether it has the order.

    The order is given by id, number or name. Raises StoreUnavailableError.
    """
    names = orders.spellings(order)
    found = [one for one in platform_orders.find(inbox, [*names, *map(purchase_key, names)]) if one.shop in shops]
    having = {one.shop for one in found}
    ages = {
        name: inbox.clock() - state.complete_at
        for name, state in reconciliations.current(inbox, shops).items()
        if state.complete_at and name not in having
    }
    return [*map(_at_platform, found), *_not_at_platforms(ages)]


def _at_platform(one: PlatformOrder) -> str:
    ignored = f"; it would be ignored ({one.reason})" if one.reason else ""
    why = "; it is too old to be fetched" if one.reason == Reason.TOO_OLD else ignored
    return (
        f"{one.shop}: the platform lists the order {reference(one.name)}, placed {date_and_time(one.placed_at)} UTC, "
        f"and no webhook reported it{why}. The next comparison fetches what is missing."
    )


def _not_at_platforms(ages: Mapping[str, int]) -> Iterator[str]:
    if ages:
        yield (
            f"{_listed(sorted(ages))}: the platform's own list has no such order either, as far back as it was "
            f"compared, last {duration(max(ages.values()))} ago."
        )


def explanations(
    inbox: Inbox, shops: Mapping[str, Shop], platforms: Mapping[str, Platform], keep_rows: float
) -> list[str]:
    """Return what may be the reason, the likeliest first. `keep_rows` is in seconds. Raises StoreUnavailableError."""
    received: defaultdict[str, set[str]] = defaultdict(set)
    for one in activity.last_seen(inbox, ActivityKind.TOPIC):
        received[one.shop].add(one.name)
    found = [
        *_refused(inbox, shops),
        *_not_subscribed(shops, platforms, received),
        *_without_number(shops, platforms, received),
    ]
    others = [
        f"Deliveries are deleted {duration(keep_rows * SECOND)} after they were settled: an older order is not listed.",
        "Otherwise its webhook was not sent to this receiver: the platform lists the calls of each webhook.",
    ]
    return [*found, *others]


def _refused(inbox: Inbox, shops: Mapping[str, Shop]) -> Iterator[str]:
    now = inbox.clock()
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (shop, reason), count in activity.totals(inbox, ActivityKind.REFUSAL, now - LOOK_BACK, now + 1).items():
        if shop in shops:
            counts[shop][reason] = count
    last: defaultdict[str, int] = defaultdict(int)
    for one in activity.last_seen(inbox, ActivityKind.REFUSAL):
        last[one.shop] = max(last[one.shop], one.last_at)
    worst = sorted(counts, key=lambda shop: -sum(counts[shop].values()))
    for shop in worst[:MOST_SHOPS]:
        refused = counted(sum(counts[shop].values()), "webhook", "webhooks")
        yield (
            f"{shop} refused {refused} in the last {duration(LOOK_BACK)} ({', '.join(sorted(counts[shop]))}), the last "
            f"one {duration(now - last[shop])} ago. What is refused is not stored, so the order may be among them."
        )
    if len(worst) > MOST_SHOPS:
        yield f"{counted(len(worst) - MOST_SHOPS, 'more shop')} refused webhooks too; the overview lists them."


def _not_subscribed(
    shops: Mapping[str, Shop], platforms: Mapping[str, Platform], received: Mapping[str, set[str]]
) -> Iterator[str]:
    never = sorted(shop for shop in shops if not received.get(shop))
    if never:
        yield f"{_listed(never)} never sent a webhook: Setup and `check --url` show what to subscribe to."
    missing: defaultdict[str, list[str]] = defaultdict(list)
    for shop in shops.values():
        for topic in platforms[shop.platform].topics:
            if topic.subscribe and shop.name not in never and topic.name not in received[shop.name]:
                missing[topic.name].append(shop.name)
    for name, names in missing.items():
        yield f"{_listed(sorted(names))} never sent {name}: the platform may not be subscribed to it."


def _without_number(
    shops: Mapping[str, Shop], platforms: Mapping[str, Platform], received: Mapping[str, set[str]]
) -> Iterator[str]:
    """Name the topics that are about orders and hold no more than ids of parts, such as order.written."""
    senders: defaultdict[str, list[str]] = defaultdict(list)
    for shop in shops.values():
        for name in received.get(shop.name, ()):
            if "order" in name and platforms[shop.platform].topic(name) is None:
                senders[name].append(shop.name)
    if senders:
        names = _listed(sorted({shop for found in senders.values() for shop in found}))
        yield (
            f"{names} sent {_listed(sorted(senders), 'topics')}: such webhooks name no order, so that no search finds "
            "them. They are never a purchase; the filter for topics shows them."
        )


def _listed(names: list[str], what: str = "shops") -> str:
    more = f" and {len(names) - MOST_SHOPS} more {what}" if len(names) > MOST_SHOPS else ""
    return ", ".join(names[:MOST_SHOPS]) + more
