"""The inbox's tables. Times are milliseconds since 1970 UTC.

There are no foreign keys: every write touches at most the rows of one delivery, in one transaction, and the check
would cost on the path that answers a webhook.

Some tables and columns have older names than the code ("lanes", "sightings", "turns", "tallies", "tallied", "matches",
"told"). They keep them: during a rolling release, processes of the previous version use the same database.
"""

from webhook_app.inbox.tables.counting import (
    activity_totals,
    block_figures,
    counted_blocks,
    delivery_counts,
    hourly_activity,
)
from webhook_app.inbox.tables.deliveries import (
    HAS_ORDER_NAME,
    IS_CHECKOUT_REPORT,
    IS_DEAD,
    ORDERS,
    WITHDRAWN,
    attempts,
    bodies,
    business_keys,
    deliveries,
)
from webhook_app.inbox.tables.metadata import Number, metadata
from webhook_app.inbox.tables.operations import (
    audit,
    bulk_jobs,
    dashboard_sessions,
    login_attempts,
    muted_findings,
    privacy_requests,
    refused_requests,
    shared_pages,
)
from webhook_app.inbox.tables.processes import alerts, processes, signing_keys, task_leases, task_positions, throttles
from webhook_app.inbox.tables.shop_records import (
    feed_check_results,
    platform_orders,
    reconciliation_states,
    reconciliations,
    registrations,
)

__all__ = [
    "HAS_ORDER_NAME",
    "IS_CHECKOUT_REPORT",
    "IS_DEAD",
    "ORDERS",
    "WITHDRAWN",
    "Number",
    "activity_totals",
    "alerts",
    "attempts",
    "audit",
    "block_figures",
    "bodies",
    "bulk_jobs",
    "business_keys",
    "counted_blocks",
    "dashboard_sessions",
    "deliveries",
    "delivery_counts",
    "feed_check_results",
    "hourly_activity",
    "login_attempts",
    "metadata",
    "muted_findings",
    "platform_orders",
    "privacy_requests",
    "processes",
    "reconciliation_states",
    "reconciliations",
    "refused_requests",
    "registrations",
    "shared_pages",
    "signing_keys",
    "task_leases",
    "task_positions",
    "throttles",
]
