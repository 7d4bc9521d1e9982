"""Translates a stored payload into a call, or into the reason why there is none. Pure: the time is a parameter."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from marshmallow import ValidationError

from schemas.base import check_size
from schemas.event_types import EVENT_TYPES, PROFILE_KEY, SESSION_KEY, SOURCE
from schemas.events import Browsing, CheckoutReport, DataRequest, Ignored, Purchase, Reason, Redaction
from schemas.tweakwise import BODIES
from webhook_app import exact_json
from webhook_app.platforms.address import normal_form
from webhook_app.translation import bots, checkout_reports, personal_data, profile_key, purchases
from webhook_app.translation.product_keys import product_key
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from schemas.event_types import EventType
    from schemas.events import Translation
    from schemas.order_reference import OrderReference
    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform


MOST_SENTENCES = 20  # of an unreadable payload

Decision = Call | Ignored | Unreadable | Redaction | DataRequest


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """How old, in seconds, an order may be when it arrives, and any other event when it is sent.

    `key_wait` is how long an order waits for the report of its checkout.
    `remembered` is how long it is known that an order was counted: one that was placed earlier never counts.
    """

    max_order_age: float
    max_age: float
    remembered: float = 90 * 86_400
    key_wait: float = 600


class Payload(NamedTuple):
    """What translation reads of a delivery.

    `received_at` is in milliseconds since 1970, `body` None once wiped, `domain` the sender's address in any form.
    `profile_key` is the one that a report of the order's checkout names, "" without one.
    """

    id: int
    topic: str
    received_at: int
    body: bytes | None
    domain: str = ""
    profile_key: str = ""


class Translated(NamedTuple):
    """What became of a payload, and the order that it is about, None where it names none."""

    decision: Decision
    order: OrderReference | None = None


def translate(payload: Payload, shop: Shop, platform: Platform, limits: AgeLimits, now: datetime) -> Decision:
    """Return the call of a delivery, the privacy request that it is, or why it is neither.

    `now` is aware. An order's age is that on arrival, so that a replay gives the same result.
    """
    return translate_with_order(payload, shop, platform, limits, now).decision


def translate_with_order(
    payload: Payload, shop: Shop, platform: Platform, limits: AgeLimits, now: datetime
) -> Translated:
    """Translate a payload, and name its order also where no call is made of it."""
    if payload.body is None:
        return Translated(Ignored(Reason.REDACTED, "The body was wiped before the event was sent."))
    try:
        parsed = parse_json(payload.body)
    except ValidationError as error:
        return Translated(_unreadable(payload, platform, _summary(error.messages)))
    order = platform.order_of(payload.topic, parsed)
    if not shop.accepts(payload.domain):
        return Translated(_other_shop(payload.domain, shop), order)
    try:
        event = platform.translate(payload.topic, parsed)
        return Translated(_translate_event(event, payload, shop, limits, now), order)
    except ValidationError as error:
        return Translated(_unreadable(payload, platform, _summary(error.messages)), order)


def order_reader(platforms: Mapping[str, Platform]) -> Callable[[str, str, bytes], OrderReference | None]:
    """Return a function from platform, topic and stored body to the order that it is about, None without one."""

    def order_of(platform: str, topic: str, body: bytes) -> OrderReference | None:
        known = platforms.get(platform)
        try:
            return known.order_of(topic, parse_json(body)) if known else None
        except ValidationError:
            return None

    return order_of


def parse_json(body: bytes) -> Any:
    """Parse a payload with exact numbers; raises marshmallow's ValidationError for too many values, and for no JSON."""
    check_size(body)
    try:
        return exact_json.parse(body)
    except (ValueError, RecursionError):
        raise ValidationError("the body is not valid JSON") from None


def _other_shop(address: str, shop: Shop) -> Ignored:
    allowed = ", ".join(shop.domain)
    detail = f"It is from {normal_form(address) or 'an odd address'}; the shop's `domain` allows only {allowed}."
    return Ignored(Reason.OTHER_SHOP, detail)


def _unreadable(payload: Payload, platform: Platform, text: str) -> Ignored | Unreadable:
    """Ignore what a browser sent: if it were stored as dead, outsiders could fill the inbox with it."""
    topic = platform.topic(payload.topic)
    return Ignored(Reason.UNREADABLE, text) if topic and topic.storefront else Unreadable(text)


def _translate_event(event: Translation, payload: Payload, shop: Shop, limits: AgeLimits, now: datetime) -> Decision:
    # Not in the future: a clock that was ahead when it arrived must not make it too old for ever.
    arrived = min(datetime.fromtimestamp(payload.received_at / 1000, UTC), now)
    if isinstance(event, Purchase):
        if payload.profile_key:
            event = replace(event, visitor=replace(event.visitor, profile_key=payload.profile_key))
        return purchases.translate(event, payload.domain, shop, limits, arrived)
    if isinstance(event, Browsing):
        return _not_sent(event, shop) or _expired(limits, arrived, now) or _browsing_call(event, payload, shop)
    if isinstance(event, Redaction | DataRequest):
        return _privacy_request(event, shop)
    return checkout_reports.OF_ORDER if isinstance(event, CheckoutReport) else event


def _privacy_request(event: Redaction | DataRequest, shop: Shop) -> Decision:
    """Ignore a request about another shop; its address is in the body, which is signed, unlike the header."""
    domain = event.subject.domain if isinstance(event, DataRequest) else event.domain
    return event if shop.accepts(domain) else _other_shop(domain, shop)


def _expired(limits: AgeLimits, arrived: datetime, now: datetime) -> Ignored | None:
    if (now - arrived).total_seconds() <= limits.max_age:
        return None
    detail = "The event waited longer than MAX_AGE. Tweakwise would count it as new, since the API takes no timestamp."
    return Ignored(Reason.EXPIRED, detail)


def _not_sent(event: Browsing, shop: Shop) -> Ignored | None:
    """Return why a shop does not send such an event, or none of this visitor; None if it is sent."""
    if EVENT_TYPES[event.type].is_extra and not shop.extra_events:
        return Ignored(Reason.SWITCHED_OFF, "The shop does not send this kind of event (extra_events = false).")
    if crawler := bots.crawler_name(event.visitor.user_agent or ""):
        return Ignored(Reason.BOT, f"The user agent is that of a known crawler: {crawler}.")
    return None


def _browsing_call(event: Browsing, payload: Payload, shop: Shop) -> Call | Ignored:
    kind = EVENT_TYPES[event.type]
    profile = profile_key.choose_for_event(event, shop)
    session = profile_key.session_key(event.visitor)
    if isinstance(profile, Ignored):
        return profile
    if session is None and SESSION_KEY in kind.required:
        detail = "The session key looks like personal data or is a placeholder, and was not sent: use a random one."
        return Ignored(Reason.PERSONAL_DATA, detail)
    values = {**event.values, PROFILE_KEY.name: profile, SESSION_KEY.name: session}
    if event.line is not None:
        values["product_key"] = product_key(event.line, event.fields, shop)
        if values["product_key"] is None:
            detail = f"The product lacks a field that the product key {shop.product_key.text} needs."
            return Ignored(Reason.NO_PRODUCT, detail)
    source = values.get(SOURCE.name)
    if not source or not personal_data.looks_personal(source):
        return _call_once(kind, values, event, payload, shop)
    call = _call_once(kind, {**values, SOURCE.name: None}, event, payload, shop)
    return replace(call, note="Sent without source: it looks like personal data.")


def _call_once(kind: EventType, values: Mapping[str, Any], event: Browsing, payload: Payload, shop: Shop) -> Call:
    """Make a call whose key is shared by other calls about the same subject by the same visitor within seconds."""
    body = BODIES[kind.name].write(**{value.name: values[value.name] for value in kind.values})
    internal = event.visitor.is_internal
    if not shop.repeat_within:
        return Call(kind.name, f"{kind.name}:{payload.id}", body, is_internal=internal)
    visitor = values[PROFILE_KEY.name] or values[SESSION_KEY.name] or ""
    subject = [values[value.name] for value in kind.values if value.identifies] or [values[SESSION_KEY.name]]
    digest = hashlib.sha256("\0".join([visitor, *subject]).encode()).hexdigest()
    return Call(kind.name, f"{kind.name}:{digest}", body, within=shop.repeat_within, is_internal=internal)


def _summary(messages: Any) -> str:
    first = list(islice(_sentences(messages), MOST_SENTENCES + 1))
    return "; ".join(first[:MOST_SENTENCES] + (["and more"] if len(first) > MOST_SENTENCES else []))


def _sentences(messages: Any, path: str = "") -> Iterator[str]:
    """Yield each complaint of a ValidationError behind the path of its field."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _sentences(inner, path if key == "_schema" else f"{path}.{key}".lstrip("."))
    else:
        yield f"{path}: {' '.join(messages)}".removeprefix(": ")
