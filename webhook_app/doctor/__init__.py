"""The doctor: the health checks, and checks that cost requests or read bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.doctor import platform_access, product_keys, tweakwise, webhook_urls
from webhook_app.doctor.context import CheckContext
from webhook_app.errors import StoreUnavailableError
from webhook_app.health.evaluation import findings
from webhook_app.health.finding import Finding, Severity
from webhook_app.health.measure import Subject, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[CheckContext], Iterator[Finding]]

__all__ = ["CHECKS", "INBOX_CHECKS", "CheckContext", "run_checks"]

CHECKS: tuple[Check, ...] = (tweakwise.reachable, webhook_urls.urls, platform_access.access)
# These read the inbox; they are skipped while the database cannot be used.
INBOX_CHECKS: tuple[Check, ...] = (tweakwise.instance_keys, product_keys.templates, product_keys.feeds)


def run_checks(context: CheckContext) -> Iterator[Finding]:
    """Run every check and yield its findings as they come; a failing database is a finding, not an exception."""
    measured = measure(Subject(context.config, context.shops, context.platforms, context.inbox))
    yield from findings(measured)
    for check in CHECKS:
        yield from check(context)
    for check in INBOX_CHECKS if measured.database.is_usable else ():
        try:
            yield from check(context)
        except StoreUnavailableError as error:
            text = f"The database does not answer: {error}."
            yield Finding("database", Severity.ERROR, text, "Check the log of the database server.")
            return
