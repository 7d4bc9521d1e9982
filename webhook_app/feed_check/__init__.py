"""Do the product keys that are sent exist in the feed that Tweakwise reads? Knows nothing of files or databases."""

from webhook_app.feed_check.comparison import Comparison
from webhook_app.feed_check.order_lines import fields_of

__all__ = ["Comparison", "fields_of"]
