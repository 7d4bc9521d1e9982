"""Compares the product keys that are sent with the product feed that Tweakwise reads; opens no file or database."""

from webhook_app.feed_check.comparison import Comparison
from webhook_app.feed_check.order_lines import fields_of

__all__ = ["Comparison", "fields_of"]
