"""The doctor: a list of small checks, each of which yields findings with advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.doctor import addresses, configuration, product_keys, storage, traffic, tweakwise, webhook_urls
from webhook_app.doctor.finding import CheckContext, Finding, Severity
from webhook_app.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[CheckContext], Iterator[Finding]]

__all__ = ["CHECKS", "INBOX_CHECKS", "CheckContext", "Finding", "Severity", "run_checks"]

CHECKS: tuple[Check, ...] = (
    configuration.shops,
    configuration.secrets,
    configuration.permissions,
    storage.database,
    storage.disk,
    storage.spool,
    tweakwise.reachable,
    webhook_urls.urls,
)
# These read the inbox; they are skipped when the database check fails.
INBOX_CHECKS: tuple[Check, ...] = (
    traffic.workers,
    traffic.breakers,
    traffic.dead,
    traffic.expiring,
    traffic.events,
    addresses.addresses,
    tweakwise.instance_keys,
    product_keys.templates,
    product_keys.feeds,
)


def run_checks(context: CheckContext) -> Iterator[Finding]:
    """Run every check and yield its findings as they come; a failing database is a finding, not an exception."""
    database_works = True
    for check in CHECKS:
        for finding in check(context):
            database_works = database_works and not (finding.check == "database" and finding.severity is Severity.ERROR)
            yield finding
    for check in INBOX_CHECKS if database_works else ():
        try:
            yield from check(context)
        except StoreUnavailableError as error:
            text = f"The database does not answer: {error}."
            yield Finding("database", Severity.ERROR, text, "Check the log of the database server.")
            return
