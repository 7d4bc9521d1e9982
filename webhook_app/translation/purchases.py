"""Translates an order: whether it is a purchase that counts, and the call of one. docs/purchases.md has the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.events import Ignored, Payment, Purchase, Reason
from schemas.fields import LARGEST_AMOUNT
from schemas.tweakwise import BODIES
from webhook_app.platforms.address import normal_form
from webhook_app.translation import checkout_reports, profile_key
from webhook_app.translation.checkout_reports import Keyless
from webhook_app.translation.product_keys import counted_lines, product_key
from webhook_app.tweakwise.call import Call, purchase_key

if TYPE_CHECKING:
    from datetime import datetime

    from webhook_app.config.shops import Shop
    from webhook_app.translation.translate import AgeLimits

LACKS_KEY = (Reason.NO_KEY, Reason.NO_PROFILE, Reason.BAD_PROFILE_KEY)
PAYMENT_TERM = 90 * 86_400  # seconds after which a first payment is rather the balance of an edited order


def translate(order: Purchase, domain: str, shop: Shop, limits: AgeLimits, arrived: datetime) -> Call | Ignored:
    """Return the call of an order from the address `domain`, or why it does not count; `arrived` is aware."""
    if why := _not_counted(order, shop, limits, arrived):
        return why
    call = _purchase_call(order, domain, shop)
    if shop.purchase_after and isinstance(call, Call):
        return replace(call, not_before=_not_before(order, shop, arrived))
    return call


def _not_before(order: Purchase, shop: Shop, arrived: datetime) -> int:
    """Return when the time is over that a shop waits with purchases, since the order was placed, or paid."""
    moment = order.created_at
    if shop.purchase_on is Payment.PAID and (order.just_paid or order.paid_at):
        moment = arrived if order.just_paid else order.paid_at
    return int((min(moment or arrived, arrived).timestamp() + shop.purchase_after) * 1000)


def _not_counted(order: Purchase, shop: Shop, limits: AgeLimits, arrived: datetime) -> Ignored | None:
    """Return why an order is no purchase, or not yet; None if it is one."""
    if order.is_test and not shop.test_orders:
        return Ignored(Reason.TEST_ORDER, "This is a test order, and the shop sends none (test_orders = false).")
    if order.status in shop.no_purchase_statuses:
        return Ignored(Reason.EXCLUDED_STATUS, f"The shop counts no orders with the status {order.status}.")
    if order.is_renewal and not shop.renewals:
        return Ignored(Reason.RENEWAL, "A subscription renewed itself, which no visitor chose (renewals = false).")
    if order.channel and order.channel not in shop.channels and not _has_storefront_key(order, shop):
        detail = f"The order came from the channel {order.channel}, which the shop's channels do not name."
        return Ignored(Reason.NOT_A_VISITOR, detail)
    if order.payment < shop.purchase_on:
        detail = 'The shop counts paid orders (purchase_on = "paid"), and this one is not paid yet.'
        return Ignored(Reason.NOT_PAID, detail)
    return _too_old(order, shop, limits, arrived)


def _has_storefront_key(order: Purchase, shop: Shop) -> bool:
    return bool(profile_key.attribute_value(order.visitor.attributes, shop.profile_attribute))


def _too_old(order: Purchase, shop: Shop, limits: AgeLimits, arrived: datetime) -> Ignored | None:
    """Return why an order is an edit of an old one; where a shop counts paid orders, age counts from the payment."""
    age, moment, what = limits.max_order_age, order.created_at, "placed"
    if shop.purchase_on is Payment.PAID and order.just_paid:
        age = max(age, min(age + PAYMENT_TERM, limits.remembered))
    elif shop.purchase_on is Payment.PAID and order.paid_at:
        moment, what = order.paid_at, "paid"
    age = max(age, min(age + shop.purchase_after, limits.remembered))
    if moment is None or (arrived - moment).total_seconds() <= age:
        return None
    detail = f"The order was {what} on {moment:%Y-%m-%d}, longer ago than MAX_ORDER_AGE: this is an edit."
    return Ignored(Reason.TOO_OLD, detail)


def _purchase_call(order: Purchase, domain: str, shop: Shop) -> Call | Ignored:
    keys = [product_key(line, order.fields, shop) for line in counted_lines(order.lines, order.fields, shop)]
    usable = list(dict.fromkeys(key for key in keys if key))
    if not usable:
        return Ignored(Reason.NO_PRODUCT, _why_no_product(len(keys), shop))
    profile = profile_key.choose_for_order(order.visitor, shop)
    if isinstance(profile, Ignored):
        return _without_key(order, profile)
    session = profile_key.session_key(order.visitor)
    no_revenue = _why_no_revenue(order, shop)
    revenue = None if no_revenue else order.revenue
    body = BODIES["purchase"].write(product_keys=usable, revenue=revenue, profile_key=profile, session_key=session)
    address = normal_form(domain)
    remarks = (_skipped(keys.count(None), len(keys), shop), order.remark, no_revenue)
    note, internal = " ".join(filter(None, remarks)), order.visitor.is_internal
    return Call("purchase", purchase_key(order.order_id), body, note=note, address=address, is_internal=internal)


def _without_key(order: Purchase, why: Ignored) -> Ignored:
    """Return why an order has no key; a report of its checkout may have one, unless the visitor refused."""
    if why.reason not in LACKS_KEY or not order.checkout_token:
        return why
    return Keyless(why.reason, why.detail, checkout_reports.identity(order.order_id, order.checkout_token))


def _why_no_revenue(order: Purchase, shop: Shop) -> str:
    """Return why a known revenue is not sent; "" if it is."""
    currency = order.fields.get("currency", "")
    if order.revenue is not None and shop.revenue_currency and currency.upper() != shop.revenue_currency:
        return f"Sent without revenue: the order is not in {shop.revenue_currency} (revenue_currency)."
    if order.revenue is not None and order.revenue > LARGEST_AMOUNT:
        return "Sent without revenue: a quantity or a price in the order is odd."
    if order.revenue is not None and order.revenue < 0:
        return "Sent without revenue: what was returned is worth more than what was bought."
    return ""


def _why_no_product(lines: int, shop: Shop) -> str:
    if not lines:
        return "No line of the order is a product."
    return f"None of its {lines} lines has every field that the product key {shop.product_key.text} needs."


def _skipped(skipped: int, lines: int, shop: Shop) -> str:
    if not skipped:
        return ""
    return f"{skipped} of {lines} lines skipped: they lack a field that the product key {shop.product_key.text} needs."
