"""Checks against the platforms' own lists of orders, for shops that give access to their API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.formatting import counted, date_and_time
from webhook_app.health import thresholds
from webhook_app.health.check import Check
from webhook_app.health.finding import Finding, Severity
from webhook_app.inbox.shop_records import reconciliations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.health.measurements import Measurements

WHY_MISSING = (
    "They were fetched and are sent. Look for the cause: a receiver that was away, or a webhook that is disabled or "
    "gone; docs/reconciliation.md#webhooks has the command that compares the webhooks."
)
RENEW = "`doctor` and `reconcile` try the credentials; docs/reconciliation.md has the steps to make new ones."


def orders_missing(measured: Measurements) -> Iterator[Finding]:
    """Report shops where comparisons find orders that no webhook had reported."""
    for state in measured.reconciliations:
        if state.missing:
            found = counted(state.missing, "order")
            last = f", the last at {date_and_time(state.noticed_at)} UTC" if state.noticed_at else ""
            text = f"{state.shop}: {found} not reported by a webhook, found by comparing with the platform{last}."
            summary = "orders were not reported by webhooks"
            link = f"/dashboard/accounting?shop={state.shop}"
            yield Finding(
                "orders_missing",
                Severity.ERROR,
                text,
                WHY_MISSING,
                state.shop,
                "",
                summary,
                link,
                alerts=True,
            )


def webhook_disabled(measured: Measurements) -> Iterator[Finding]:
    """Report webhooks for this receiver that the platform does not send."""
    for state in measured.reconciliations:
        off = [one for one in state.webhooks if one.repaired or not one.is_active]
        for topic in sorted({one.topic for one in off}):
            of_topic = [one for one in off if one.topic == topic]
            repaired = all(one.repaired for one in of_topic)
            text = f"{state.shop}: the webhook {topic} was not active at the platform ({of_topic[0].status})"
            text += "; it was enabled again." if repaired else ", and sends nothing."
            advice = "It is looked at again with the next comparison." if repaired else _enabling(measured, state.shop)
            summary = "webhooks were not active at the platform"
            yield Finding(
                "webhook_disabled", Severity.ERROR, text, advice, state.shop, topic, summary, topic=topic, alerts=True
            )


def _enabling(measured: Measurements, shop: str) -> str:
    known = measured.shops.get(shop)
    platform = measured.platforms.get(known.platform) if known else None
    return (platform.enabling if platform else "") or (
        f"Enable it at the platform, or run `python -m webhook_app subscribe --shop {shop}`; with "
        "repair_webhooks = true this is done by itself."
    )


def platform_refuses_us(measured: Measurements) -> Iterator[Finding]:
    """Report shops whose API refuses the credentials, or has not answered for long."""
    for state in measured.reconciliations:
        if not state.error:
            continue
        text = f"{state.shop}: orders cannot be compared with the platform's: {state.error}. {state.detail}"
        is_stale = measured.now - (state.complete_at or 0) > thresholds.COMPARISON_STALE
        is_refused = state.error in reconciliations.REFUSED
        lasts = state.failures >= reconciliations.LASTING and (is_refused or is_stale)
        severity = Severity.ERROR if lasts else Severity.WARNING
        summary = f"orders cannot be compared with the platform's ({state.error})"
        yield Finding("platform_refuses_us", severity, text, RENEW, state.shop, "", summary, alerts=True)


CHECKS = (
    Check("orders_missing", orders_missing),
    Check("webhook_disabled", webhook_disabled),
    Check("platform_refuses_us", platform_refuses_us),
)
