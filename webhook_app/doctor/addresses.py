"""Checks of the addresses that send for each shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.config.shop_addresses import several_addresses
from webhook_app.doctor.finding import Finding, Severity
from webhook_app.inbox.activity import addresses as seen_addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.doctor.finding import CheckContext


def addresses(context: CheckContext) -> Iterator[Finding]:
    """Report shops that several addresses send for, and those whose `domain` excludes one."""
    seen = seen_addresses(context.inbox)
    for problem in several_addresses(context.shops, seen):
        ignores_all = context.shops[problem.shop].domain and not {*context.shops[problem.shop].domain} & {
            *seen[problem.shop]
        }
        severity = Severity.ERROR if ignores_all else Severity.WARNING
        yield Finding("addresses", severity, problem.text, problem.advice)
