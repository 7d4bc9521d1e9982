"""The marks by which plugins for bundles tie an order line to the line of its container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.events import Line

if TYPE_CHECKING:
    from collections.abc import Callable

# A part's mark, by plugin; most are in the line's meta, and name a cart key or the product of the container.
PART_MARKS = (
    "bundled_by",  # Product Bundles, in the REST API: https://woocommerce.com/document/bundles/bundles-rest-api-reference/
    "_bundled_by",  # Product Bundles and YITH Product Bundles, in meta
    "composite_parent",  # Composite Products, in the REST API
    "_composite_parent",  # Composite Products, in meta
    "mnm_child_of",  # Mix and Match Products, in the REST API: https://woocommerce.com/document/woocommerce-mix-and-match-products/
    "_mnm_container",  # Mix and Match Products, in meta
    "_yith_wcp_child_component_data_no_reorder",  # YITH Composite Products; the data beside it is no text
    "_woosb_parent_id",  # WPC Product Bundles: https://wordpress.org/plugins/woo-product-bundle/
    "woosb_parent_id",
    "_wooco_parent_id",  # WPC Composite Products: https://wordpress.org/plugins/wpc-composite-products/
    "wooco_parent_id",
    "_woosg_parent_id",  # WPC Grouped Product: https://wordpress.org/plugins/wpc-grouped-product/
    "_chained_product_of",  # Chained Products: https://woocommerce.com/products/chained-products/
)
META_MARKS = frozenset(PART_MARKS)


def with_containers(items: list[dict[str, Any]], line_of: Callable[[dict[str, Any]], Line]) -> tuple[Line, ...]:
    """Return the lines that have a product; a part has its container: the last line before it that is no part.

    Plugins list a container before its parts, and not all of them name its line.
    """
    lines: list[Line] = []
    container = Line({})  # of parts whose container is gone
    for item in items:
        line = line_of(item)
        if _is_part(item):
            line = Line(line.fields, container)
        else:
            container = line if item["product_id"] else Line({})
        if item["product_id"]:
            lines.append(line)
    return tuple(lines)


def _is_part(item: dict[str, Any]) -> bool:
    meta = item["meta_data"]
    if meta and not META_MARKS.isdisjoint(meta) and any(meta.get(mark) for mark in PART_MARKS):
        return True
    return bool(item["bundled_by"] or item["composite_parent"] or item["mnm_child_of"])
