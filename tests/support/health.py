"""Health checks on measurements and on an inbox, for a shop called acme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook_app.config import settings, shops
from webhook_app.health import evaluation
from webhook_app.health.evaluation import Health
from webhook_app.health.measure import Subject
from webhook_app.health.measurements import Measurements
from webhook_app.platforms import all_platforms
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from webhook_app.health.finding import Finding
    from webhook_app.inbox import Inbox

DOCUMENT = """
[shops.{name}]
platform = "shopify"
secrets = ["a-secret-of-its-own-{name}"]
instance_key = "1234abcd"
profile_salt = "a-salt-of-its-own-{name}"
"""


NOW = 20_000 * DAY


def known(*names: str) -> dict[str, shops.Shop]:
    return shops.parse("".join(DOCUMENT.format(name=name) for name in names), "shops.toml", all_platforms())


def health_of(inbox: Inbox, *names: str) -> Health:
    """The health of an inbox with these shops, or acme."""
    return Health(Subject(settings.load(), known(*names or ("acme",)), all_platforms(), inbox))


def measured(**figures: Any) -> Measurements:
    """Figures of the shops acme, a and b; what is not given is as in an inbox where nothing happened."""
    return Measurements(NOW, **{"shops": known("acme", "a", "b"), "platforms": all_platforms(), **figures})


def problems(figures: Measurements) -> list[Finding]:
    """What needs attention."""
    return [one for one in evaluation.findings(figures) if one.needs_attention]


def alerts(figures: Measurements) -> list[Finding]:
    """What a notifier reports."""
    return [one for one in evaluation.findings(figures) if one.is_alert]
