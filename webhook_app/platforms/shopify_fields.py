"""Which fields of Shopify's payloads are shown on pages: https://shopify.dev/docs/api/admin-rest (Order, Product).

Nothing about a customer, an address, a device or a payment instrument, and no text that a person wrote.
"""

from __future__ import annotations

from webhook_app.masking import Shown, shown

# Fields whose names are shown and whose values are masked.
_NAMES = """
    abandoned_checkout_url accept_language address1 address2 attributes authorization billing_address
    browser_height browser_ip browser_width buyer_accepts_marketing carrier_identifier cart_token checkout_token
    city client_details code company confirmation_number contact_email country country_code customer customer_id
    default_address description device_id discount_codes domain email first_name handle image images
    landing_site landing_site_ref last_name latitude longitude message name note number order_status_url
    orders_requested orders_to_redact origin_address payment_details payment_terms phone po_number properties
    province province_code receipt reference referring_site session_hash shipping_address shop_owner
    source_identifier source_url state tags tax_exempt tax_exemptions title token tracking_company
    tracking_number tracking_numbers tracking_url tracking_urls user_agent user_id value variant_title
    verified_email zip transactions returns duties order_adjustments body_html marketing_consent
"""


def _prices(*paths: str) -> Shown:
    """Return amounts, each as text and, as Shopify writes them too, in the shop's and in the customer's currency."""
    sets = [f"{path}_set.{money}" for path in paths for money in ("shop_money", "presentment_money")]
    return shown(
        money=" ".join([*paths, *(f"{one}.amount" for one in sets)]),
        code=" ".join(f"{one}.currency_code" for one in sets),
    )


_TAX = shown(money="rate", flag="channel_liable") | _prices("price")
_LINE = (
    shown(
        "title name vendor variant_title properties variant_inventory_management attributed_staffs price_set",
        id="id product_id variant_id admin_graphql_api_id sales_line_item_group_id",
        ref="sku variant_sku",
        count="quantity current_quantity fulfillable_quantity grams",
        word="fulfillment_status",
        flag="gift_card requires_shipping taxable product_exists",
    )
    | _prices("price", "total_discount")
    | shown(count="discount_allocations[].discount_application_index")
    | _prices("discount_allocations[].amount")
    | _TAX.below("tax_lines[]")
)
_REFUND = (
    shown(
        "note user_id",
        id="id order_id admin_graphql_api_id refund_line_items[].id refund_line_items[].line_item_id",
        date="created_at processed_at",
        count="refund_line_items[].quantity",
        word="refund_line_items[].restock_type",
        flag="restock test",
    )
    | _prices("refund_line_items[].subtotal", "refund_line_items[].total_tax", "total_duties")
    | _LINE.below("refund_line_items[].line_item")
    | shown(
        id="transactions[].id transactions[].order_id transactions[].parent_id",
        money="transactions[].amount",
        code="transactions[].currency",
        word="transactions[].kind transactions[].status transactions[].gateway",
        date="transactions[].created_at transactions[].processed_at",
        flag="transactions[].test",
    )
)
_TOTALS = tuple(
    f"{when}{what}"
    for when in ("", "current_", "original_")
    for what in (
        "subtotal_price",
        "total_price",
        "total_tax",
        "total_discounts",
        "total_line_items_price",
        "total_shipping_price",
        "shipping_price",
        "total_duties",
        "total_additional_fees",
        "total_outstanding",
        "total_tip_received",
        "total_cash_rounding_payment_adjustment",
        "total_cash_rounding_refund_adjustment",
    )
)
ORDER = (
    shown(
        _NAMES,
        id="id order_number number admin_graphql_api_id app_id merchant_of_record_app_id location_id order_id",
        date="created_at updated_at processed_at closed_at cancelled_at completed_at invoice_sent_at",
        code="currency presentment_currency customer_locale",
        word="financial_status fulfillment_status status cancel_reason source_name gateway payment_gateway_names[]",
        flag="test taxes_included confirmed tax_exempt_order duties_included estimated_taxes has_discounts",
        name="note_attributes[].name",
        count="total_weight",
    )
    | _prices(*_TOTALS)
    | _LINE.below("line_items[]")
    | _TAX.below("tax_lines[]", "shipping_lines[].tax_lines[]")
    | _prices(
        "shipping_lines[].price", "shipping_lines[].discounted_price", "shipping_lines[].current_discounted_price"
    )
    | shown(id="shipping_lines[].id", flag="shipping_lines[].is_removed", money="discount_codes[].amount")
    | shown(word="discount_codes[].type discount_applications[].type discount_applications[].value_type")
    | shown(word="discount_applications[].allocation_method discount_applications[].target_type")
    | shown(word="discount_applications[].target_selection", money="discount_applications[].value")
    | shown(id="fulfillments[].id fulfillments[].order_id", word="fulfillments[].status fulfillments[].shipment_status")
    | shown(date="fulfillments[].created_at fulfillments[].updated_at")
    | _LINE.below("fulfillments[].line_items[]")
    | _REFUND.below("refunds[]")
    | shown(
        id="line_item_groups[].variant_id", ref="line_item_groups[].variant_sku", count="line_item_groups[].quantity"
    )
)
PRODUCT = shown(
    _NAMES,
    id="id admin_graphql_api_id variants[].id variants[].product_id variants[].admin_graphql_api_id",
    ref="variants[].sku",
    date="created_at updated_at published_at variants[].created_at variants[].updated_at",
    money="variants[].price variants[].compare_at_price",
    word="status published_scope",
    count="variants[].inventory_quantity variants[].position",
    flag="variants[].taxable",
)
PRIVACY = shown(_NAMES, id="shop_id data_request.id", ref="shop_domain")
SHOWN = {
    "orders/*": ORDER,
    "backfill/order": ORDER,
    "draft_orders/*": ORDER,
    "checkouts/*": ORDER,
    "refunds/*": _REFUND | shown(_NAMES),
    "products/*": PRODUCT,
    "customers/data_request": PRIVACY,
    "customers/redact": PRIVACY,
    "shop/redact": PRIVACY,
    "app/uninstalled": shown(_NAMES, id="id", ref="myshopify_domain", date="created_at updated_at", code="currency"),
}
