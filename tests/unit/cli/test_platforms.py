"""`platforms`: what is supported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from tests.support.commands import Run


def test_all_platforms_are_listed(run: Run) -> None:
    """One line each, with the topics to subscribe to."""
    assert [line.split()[0] for line in run("platforms").output.splitlines()] == [*all_platforms()]


def test_one_platform_is_explained(run: Run) -> None:
    """Its topics, where the secret is found, and what to know."""
    output = run("platforms", "woocommerce").output
    assert "order.created" in output
    assert "Secret:" in output
    assert "Good to know:" in output
