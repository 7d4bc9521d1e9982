"""The menu of the dashboard. A page is a module of pages/ with its template; an entry here puts it on the menu."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One link; it is marked as current on the pages of all its `endpoints`, and leads to the first."""

    title: str
    endpoints: tuple[str, ...]


NAVIGATION = (
    MenuEntry(
        "Overview",
        ("dashboard.overview", "dashboard.shop", "dashboard.share", "dashboard.refused", "dashboard.refused_request"),
    ),
    MenuEntry("Deliveries", ("dashboard.deliveries", "dashboard.delivery", "dashboard.reveal")),
    MenuEntry("Issues", ("dashboard.issues",)),
    MenuEntry("Accounting", ("dashboard.accounting",)),
    MenuEntry("Actions", ("dashboard.actions", "dashboard.job", "dashboard.new_job", "dashboard.start_job")),
    MenuEntry("Sessions", ("dashboard.sessions",)),
)
