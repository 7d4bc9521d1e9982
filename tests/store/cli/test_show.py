"""`show`: one delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox

pytestmark = pytest.mark.engines("sqlite")


def test_it_explains_the_state(run: Run, stored: Inbox) -> None:
    """The reason with its title, and the sentence about it; without the body."""
    output = run("show", "1").output
    assert "state         ignored: No profile key (no_profile)\n" in output
    assert "why           A guest's order.\n" in output
    assert "line_items" not in output


def test_a_dead_delivery_has_a_cause(run: Run, dead: Inbox) -> None:
    """What has to be corrected is printed for a dead delivery, and for no other."""
    assert "cause         invalid data\n" in run("show", "2").output
    assert "cause" not in run("show", "3").output


def test_the_body_is_printed_on_request(run: Run, stored: Inbox) -> None:
    """Headers and body are personal data: only --body prints them."""
    output = run("show", "1", "--body").output
    assert "x-shopify-topic: orders/create\n" in output
    assert "line_items" in output


def test_an_unknown_number_is_exit_code_1(run: Run, stored: Inbox) -> None:
    """A number that does not exist is a message."""
    result = run("show", "99")
    assert (result.exit_code, result.output) == (1, "Error: There is no delivery 99.\n")
