"""What to paste where, to connect a shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhook_app.config.shops import Shop


def instructions(shop: Shop, base: str, notes: Iterable[str] = ()) -> Iterator[str]:
    """Yield lines with the URLs, topics and remarks for a shop, and further `notes` about it.

    `base` is the receiver's address without a path.
    """
    platform = all_platforms()[shop.platform]
    topics = [topic.name for topic in platform.topics if topic.subscribe]
    yield click.style(f"{shop.name} ({platform.title})", bold=True)
    yield f"  webhook URL  {base}/webhooks/{shop.platform}/{shop.name}"
    if platform.proxy:
        yield f"  proxy URL    {base}/storefront/{shop.platform}/{shop.name}  (for searches and pageviews)"
    if platform.handshake and shop.app_secret:
        yield f"  register URL {base}/handshake/{shop.platform}/{shop.name}  (the app calls it when it is installed)"
    yield f"  topics       {', '.join(topics)}"
    yield f"  product key  {shop.product_key.text}"
    for remark in (*_remarks(shop), *notes):
        yield f"  note         {remark}"
    yield ""


def _remarks(shop: Shop) -> Iterator[str]:
    if any(secret != secret.strip() for secret in shop.secrets):
        yield "a secret begins or ends with white space; was too much pasted?"
    if shop.profile_salt is None and not shop.require_consent:
        yield "no profile_salt: orders without a profile key written by the storefront are ignored (no_profile)."
    if shop.tweakwise_url:
        yield f"delivers to {shop.tweakwise_url}"
    yield from shop.remarks


def fault(shop: Shop) -> str:
    """Return why no order of a shop can have a product key, "" if they can."""
    platform = all_platforms()[shop.platform]
    if platform.orders_have_locale or "locale" not in shop.product_key.fields or "locale" in shop.constants:
        return ""
    return (
        f"{shop.name}: product_key needs {{locale}}, which orders of {platform.title} do not have: each would be "
        f'ignored as no_product. Write locale = "..." into [shops.{shop.name}.fields], and one shop for each language.'
    )
