"""The findings that a page shows: those of the user's shops that are problems, folded, and those that are muted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.config.users import Role
from webhook_app.dashboard.context import current, user
from webhook_app.health.folding import folded

if TYPE_CHECKING:
    from webhook_app.health.finding import Finding
    from webhook_app.health.folding import FindingGroup

OF_OPERATORS = ("secrets", "configuration")  # checks


def attention(shop: str | None) -> list[FindingGroup]:
    """Return what needs attention now, of one shop or of all that the user sees, the worst first."""
    return folded(one for one in problems(shop) if not one.is_muted)


def problems(shop: str | None = None) -> list[Finding]:
    """Return the warnings and errors of one shop or of all that the user sees, the muted ones too."""
    return [one for one in current().health.findings() if one.is_problem and _concerns(one, shop)]


def may_mute(finding: Finding) -> bool:
    """Whether the user may mute a finding: what is about all is muted for all, by those who see all shops."""
    return user().may(Role.OPERATE) and (user().shops is None or bool(finding.shop))


def of_shop(shop: str) -> list[Finding]:
    """Return the problems that are about one shop and no other, muted ones too, for those who have a link to its page.

    What is weak in its configuration is not for them.
    """
    found = [one for one in current().health.findings() if one.is_problem and one.shop == shop and not one.others]
    return [one for one in found if one.check not in OF_OPERATORS]


def _concerns(finding: Finding, shop: str | None) -> bool:
    """Whether a page about `shop` shows it: one that is about all is shown unless it names a shop the user sees not."""
    named = [*filter(None, (finding.shop, *finding.others))]
    return all(user().sees(name) for name in named) and (shop is None or not named or shop in named)
