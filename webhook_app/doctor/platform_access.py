"""Checks of the platforms' APIs: whether the credentials work, and which permission is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.health.finding import Finding, Severity
from webhook_app.sources import all_sources
from webhook_app.sources.base import USUAL_RATE
from webhook_app.sources.registered import with_apis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.doctor.context import CheckContext


def access(context: CheckContext) -> Iterator[Finding]:
    """Ask the API of each shop that has one configured, or whose app has registered itself."""
    shops = with_apis(context.shops, context.inbox, context.config.secrets_key)
    for shop in shops.values():
        if shop.api is None:
            continue
        report = all_sources()[shop.platform].connect(shop, USUAL_RATE).access()
        where = f"shops.{shop.name}" + (".api" if context.shops[shop.name].api else " (the app's registration)")
        for problem in report.problems:
            text, _, advice = problem.partition(". ")
            yield Finding("platform access", Severity.ERROR, f"{where}: {text}.", advice, shop.name)
        for warning in report.warnings:
            text, _, advice = warning.partition(". ")
            yield Finding("platform access", Severity.WARNING, f"{where}: {text}.", advice, shop.name)
        for note in report.notes:
            yield Finding("platform access", Severity.INFO, f"{where}: {note}", shop=shop.name)
        if not report.problems:
            text = f"{where}: the platform's list of orders can be read."
            yield Finding("platform access", Severity.OK, text, shop=shop.name)
