"""Each limit stands in one place: what can only repeat it, rules for Prometheus and pages of docs, has the same."""

from __future__ import annotations

import re

import pytest

from tests.support.processes import ROOT
from webhook_app.health import thresholds
from webhook_app.health.thresholds import Thresholds
from webhook_app.time_units import DAY, MINUTE, SECOND

RULES = (ROOT / "docs/prometheus/alerts.yml").read_text()
HEALTH = (ROOT / "docs/health.md").read_text()
DEFAULTS = Thresholds()


@pytest.mark.parametrize(
    ("alert", "limit"),
    [
        ("WebhooksWaitTooLong", DEFAULTS.older_than),
        ("WebhooksSilent", DEFAULTS.silent_for),
        ("WebhooksSignaturesFail", DEFAULTS.refusals),
        ("WebhooksNoWorker", thresholds.PROCESS_MISSING / SECOND),
        ("WebhooksDiskAlmostFull", thresholds.DISK_WARNING * 1e6),
        ("WebhooksDiskFull", thresholds.DISK_ERROR * 1e6),
        ("WebhooksNotAllAccountedFor", 1 - thresholds.ACCOUNTED),
    ],
)
def test_prometheus_has_the_same_limit(alert: str, limit: float) -> None:
    """The first comparison of a rule with another number than 0 and 1."""
    rule = RULES.partition(f"- alert: {alert}\n")[2].partition("labels:")[0]
    numbers = [float(one) for one in re.findall(r"[<>]=? ([\d.e]+)", rule)]
    assert next(one for one in numbers if one not in (0, 1)) == pytest.approx(limit)


@pytest.mark.parametrize(
    "words",
    [
        f"below {thresholds.DISK_ERROR} MB",
        f"below {thresholds.DISK_WARNING // 1000} GB",
        f"over {thresholds.CLOCK_WARNING // SECOND} seconds",
        f"over {thresholds.CLOCK_ERROR // SECOND} (error)",
        f"none for {thresholds.SHOP_SILENT_AFTER // DAY} days",
        f"fewer than {thresholds.ACCOUNTED * 100:.1f} %",
        f"for {thresholds.LONGER} times its longest silence",
        f"was seen for {thresholds.PROCESS_MISSING // MINUTE} minutes",
        f"for {thresholds.UPGRADED_WITHIN // MINUTE} minutes after",
    ],
)
def test_page_has_the_same_limit(words: str) -> None:
    """docs/health.md names what is set in thresholds.py."""
    assert words in HEALTH
