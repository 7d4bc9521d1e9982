"""Translates a stored payload into a call, or says why there is none; pure: the time is a parameter."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from marshmallow import ValidationError

from schemas import tweakwise
from schemas.events import (
    AddToCart,
    DataRequest,
    Ignored,
    Pageview,
    Payment,
    Purchase,
    Reason,
    Redaction,
    Search,
    SessionStart,
)
from webhook_app.translation import bots, profile_key
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.events import Browsing, Line, Translation, Visitor
    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform


def _no_constant(name: str) -> Any:
    raise ValueError(name)


# Made once: json.loads would make one for each body.
DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)

Decision = Call | Ignored | Unreadable | Redaction | DataRequest


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """How old, in seconds, an order may be when it arrives, and a search or view when it is sent."""

    max_order_age: float
    max_age: float


class Payload(NamedTuple):
    """What translation needs of a delivery; `received_at` is in milliseconds since 1970, `body` None when wiped."""

    id: int
    topic: str
    received_at: int
    body: bytes | None


def translate(payload: Payload, shop: Shop, platform: Platform, ages: AgeLimits, now: datetime) -> Decision:
    """Return what is to be done about a delivery.

    `now` is aware. An order's age is taken when it arrived, not now: a replay must give the same answer.
    """
    if payload.body is None:
        return Ignored(Reason.REDACTED, "Its body was wiped before it was sent.")
    try:
        event = platform.translate(payload.topic, parse_json(payload.body))
        return _decide(event, payload, shop, ages, now)
    except ValidationError as error:
        return _unreadable(payload, platform, "; ".join(_paths(error.messages)))


def _unreadable(payload: Payload, platform: Platform, why: str) -> Ignored | Unreadable:
    """A browser's nonsense is nobody's loss; kept as dead, strangers could fill the inbox with it."""
    topic = platform.topic(payload.topic)
    return Ignored(Reason.UNREADABLE, why) if topic and topic.storefront else Unreadable(why)


def parse_json(body: bytes) -> Any:
    """Parse a payload with exact numbers; raises marshmallow's ValidationError for anything that is not JSON."""
    try:
        return DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, ArithmeticError, RecursionError):
        raise ValidationError("the body is not JSON that can be read") from None


def _decide(event: Translation, payload: Payload, shop: Shop, ages: AgeLimits, now: datetime) -> Decision:
    arrived = datetime.fromtimestamp(payload.received_at / 1000, UTC)
    match event:
        case Purchase():
            return _not_counted(event, shop, ages, arrived) or _purchase(event, shop)
        case Search() | Pageview() | AddToCart() | SessionStart():
            return _unwanted(event, shop) or _expired(ages, arrived, now) or _browsing(event, payload, shop)
        case _:
            return event


def _not_counted(order: Purchase, shop: Shop, ages: AgeLimits, arrived: datetime) -> Ignored | None:
    if order.created_at and (arrived - order.created_at).total_seconds() > ages.max_order_age:
        return Ignored(Reason.TOO_OLD, f"The order was made on {order.created_at:%Y-%m-%d}: this is an edit of it.")
    if order.payment >= shop.purchase_on:
        return None
    if order.payment is Payment.PENDING:
        return Ignored(Reason.PENDING, "The payment is pending; the order counts once the platform says it is made.")
    return Ignored(Reason.NOT_PAID, 'The shop counts paid orders (purchase_on = "paid"), and this one is not paid yet.')


def _purchase(order: Purchase, shop: Shop) -> Call | Ignored:
    lines = [line for line in order.lines if not line.part_of_bundle]
    keys = [product_key(line, order.fields, shop) for line in lines]
    usable = list(dict.fromkeys(key for key in keys if key))
    if not usable:
        return Ignored(Reason.NO_PRODUCT, _why_no_product(len(lines), shop))
    profile = profile_key.choose(order.visitor, shop)
    if isinstance(profile, Ignored):
        return profile
    return Call(
        event="purchase",
        key=f"purchase:{order.order_id}",
        body=tweakwise.purchase(usable, _who(profile, order.visitor), order.revenue),
        note=_skipped(keys.count(None), len(keys), shop),
    )


def _expired(ages: AgeLimits, arrived: datetime, now: datetime) -> Ignored | None:
    if (now - arrived).total_seconds() <= ages.max_age:
        return None
    return Ignored(Reason.EXPIRED, "It waited too long: the API has no timestamp, so late would mean wrong.")


def _unwanted(event: Browsing, shop: Shop) -> Ignored | None:
    if isinstance(event, AddToCart | SessionStart) and not shop.extra_events:
        return Ignored(Reason.SWITCHED_OFF, "The shop does not send this event (extra_events = false).")
    if bot := bots.name(event.visitor.user_agent or ""):
        return Ignored(Reason.BOT, f"Its user agent is that of a known crawler: {bot}.")
    return None


def _browsing(event: Browsing, payload: Payload, shop: Shop) -> Call | Ignored:
    profile = profile_key.choose_browsing(event.visitor, shop)
    if isinstance(profile, Ignored):
        return profile
    who = _who(profile, event.visitor)
    match event:
        case Search():
            return _once("search", event.term, tweakwise.search(event.term, who), payload, shop)
        case SessionStart():
            if "SessionKey" not in who:
                return Ignored(Reason.PERSONAL_DATA, "The session key looks like a phone number: send a random one.")
            return _once("sessionstart", who["SessionKey"], tweakwise.session_start(who), payload, shop)
        case Pageview() | AddToCart():
            return _of_product(event, who, payload, shop)


def _of_product(event: Pageview | AddToCart, who: Mapping[str, str], payload: Payload, shop: Shop) -> Call | Ignored:
    key = product_key(event.line, event.fields, shop)
    if key is None:
        return Ignored(Reason.NO_PRODUCT, _why_no_product(1, shop))
    if isinstance(event, Pageview):
        return _once("pageview", key, tweakwise.pageview(key, who), payload, shop)
    body = tweakwise.add_to_cart(key, event.quantity, event.amount, who)
    return _once("addtocart", key, body, payload, shop)


def _who(profile: str, visitor: Visitor) -> dict[str, str]:
    session = profile_key.session(visitor)
    return {"ProfileKey": profile, "SessionKey": session} if session else {"ProfileKey": profile}


def _once(event: str, about: str, body: Mapping[str, Any], payload: Payload, shop: Shop) -> Call:
    """Make a call that is the same as another about the same by the same visitor, within a few seconds."""
    if not shop.repeat_within:
        return Call(event, f"{event}:{payload.id}", body)
    same = hashlib.sha256(f"{body['ProfileKey']}\0{about}".encode()).hexdigest()
    return Call(event, f"{event}:{same}", body, within=shop.repeat_within)


def product_key(line: Line, order_fields: Mapping[str, str], shop: Shop) -> str | None:
    """Fill the shop's template for one line; None when the line lacks a field of it."""
    return shop.product_key.fill(template_fields(line, order_fields, shop))


def template_fields(line: Line, order_fields: Mapping[str, str], shop: Shop) -> dict[str, str]:
    """Return what a template may name for one line: the order's fields, the line's, and the shop's own on top."""
    return {**order_fields, **line.fields, **shop.constants_for(order_fields.get("locale", ""))}


def _why_no_product(lines: int, shop: Shop) -> str:
    if not lines:
        return "No line of it is a product."
    return f"None of its {lines} lines has what the product key {shop.product_key.text} needs."


def _skipped(skipped: int, lines: int, shop: Shop) -> str:
    if not skipped:
        return ""
    return f"{skipped} of {lines} lines skipped: they lack what the product key {shop.product_key.text} needs."


def _paths(messages: Any, path: str = "") -> Iterator[str]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _paths(inner, path if key == "_schema" else f"{path}.{key}".lstrip("."))
    else:
        yield f"{path}: {' '.join(messages)}".removeprefix(": ")
