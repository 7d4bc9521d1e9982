"""Which fields of WooCommerce's payloads are shown on pages: https://woocommerce.github.io/woocommerce-rest-api-docs/ .

Nothing about a customer or an address, and no text that a person wrote; of meta data only names that are known here.
"""

from __future__ import annotations

from webhook_app.masking import shown
from webhook_app.platforms.storefront_fields import EVENT

# Fields whose names are shown and whose values are masked, and keys of meta data.
_NAMES = """
    _links address_1 address_2 attributes avatar_url billing brands button_text cart_hash categories city code company
    country coupon_lines customer customer_id customer_ip_address customer_note customer_user_agent description
    display_key display_value email external_url fee_lines first_name image images key label last_name message meta_data
    method_title name order_key parent_name payment_method_title payment_url permalink phone postcode price_html
    purchase_note reason role shipping short_description slug state tags taxes transaction_id username value
    _tweakwise_profile_key tweakwise_profile_key is_vat_exempt _reduced_stock _variation_id _qty _line_total
    _wc_order_attribution_source_type _wc_order_attribution_utm_source _wc_order_attribution_device_type
    _wc_order_attribution_session_entry _wc_order_attribution_session_pages _wc_order_attribution_session_count
    _wc_order_attribution_user_agent _wc_order_attribution_referrer _wc_order_attribution_session_start_time
    _subscription_renewal _subscription_switch _bundled_by _bundled_items _composite_parent _composite_children
"""
_LINE = shown(
    id="id product_id variation_id bundled_by bundled_items[] composite_parent composite_children[] meta_data[].id",
    ref="sku global_unique_id",
    count="quantity",
    money="subtotal subtotal_tax total total_tax price",
    word="tax_class",
    name="meta_data[].key",
)
_FEE = shown(id="id instance_id", money="total total_tax amount discount discount_tax", word="method_id tax_status")
ORDER = (
    shown(
        _NAMES,
        id="id parent_id refunds[].id meta_data[].id",
        ref="number version order.id",
        date="date_created date_created_gmt date_modified date_modified_gmt date_paid date_paid_gmt date_completed "
        "date_completed_gmt start_date_gmt next_payment_date_gmt order.created_at",
        code="currency",
        word="status created_via payment_method billing_period order.status type",
        money="discount_total discount_tax shipping_total shipping_tax cart_tax total total_tax refunds[].total",
        count="billing_interval tax_lines[].rate_percent",
        flag="prices_include_tax is_editable needs_payment needs_processing tax_lines[].compound",
        name="meta_data[].key",
    )
    | _LINE.below("line_items[]")
    | _FEE.below("shipping_lines[]", "fee_lines[]", "coupon_lines[]")
    | shown(id="tax_lines[].id tax_lines[].rate_id", money="tax_lines[].tax_total tax_lines[].shipping_tax_total")
)
PRODUCT = shown(
    _NAMES,
    id="id parent_id variations[] related_ids[]",
    ref="sku global_unique_id",
    date="date_created date_created_gmt date_modified date_modified_gmt",
    money="price regular_price sale_price",
    word="status type catalog_visibility stock_status",
    count="stock_quantity total_sales",
    flag="purchasable on_sale in_stock virtual downloadable featured",
)
SHOWN = {
    "order.*": ORDER,
    "backfill/order": ORDER,
    "subscription.*": ORDER,
    "product.*": PRODUCT,
    "coupon.*": shown(
        _NAMES, id="id", money="amount", date="date_created date_created_gmt", word="status discount_type"
    ),
    "customer.*": shown(_NAMES),
    "action.*": shown("arg action data status", id="arg"),
    "storefront.*": EVENT,
}
