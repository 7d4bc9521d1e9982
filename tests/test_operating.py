"""What a person does about stored deliveries, on either engine: select, count, page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.arrivals import arrival, claim, claim_one, settle
from webhook_app.faults import BEGINNINGS, Fault
from webhook_app.inbox import Inbox, Selection, State, Verb, selection

if TYPE_CHECKING:
    from tests.conftest import Clock

BEGAN = 1_795_000_000_000


@pytest.fixture
def several(inbox: Inbox, clock: Clock) -> Inbox:
    """Deliveries 1 to 5: dead for three reasons, ignored, and one of another shop that is received."""
    for number in range(4):
        inbox.keep(arrival(str(number)))
        clock.move(60)
    reasons = ["translation_error", "gave_up_http_503", "http_422"]
    *dead, ignored = claim(inbox, 4)
    for delivery, reason in zip(dead, reasons, strict=True):
        settle(inbox, delivery, State.DEAD, reason=reason)
    settle(inbox, ignored, State.IGNORED, reason="no_profile", wipes=True)
    inbox.keep(arrival("other", shop="b", topic="orders/paid"))
    return inbox


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"ids": (5, 2, 99)}, [2, 5]),
        ({"shop": "b"}, [5]),
        ({"topic": "orders/paid"}, [5]),
        ({"states": ("dead",)}, [1, 2, 3]),
        ({"states": ("received", "ignored")}, [4, 5]),
        ({"reason": "no_profile"}, [4]),
        ({"since": BEGAN + 60_000, "until": BEGAN + 180_000}, [2, 3]),
        ({"shop": "acme", "states": ("received",)}, []),
        *(({"beginnings": BEGINNINGS[fault]}, [1 + number]) for number, fault in enumerate(Fault)),
    ],
)
def test_selection_means(several: Inbox, wanted: dict[str, Any], ids: list[int]) -> None:
    """Each thing that is asked for narrows what is meant."""
    [*found] = selection.pages(several, Selection(**wanted), step=2)
    assert [row.id for page in found for row in page] == ids
    assert selection.size(several, Selection(**wanted)) == len(ids)


def test_a_beginning_is_no_pattern(inbox: Inbox) -> None:
    """The underscore in a reason stands for itself."""
    inbox.keep(arrival())
    settle(inbox, claim_one(inbox), State.DEAD, reason="gaveXupX")
    assert selection.size(inbox, Selection(beginnings=("gave_up_",))) == 0


def test_pages_are_small(several: Inbox) -> None:
    """However much is meant, only a step of it is read at a time."""
    assert [len(page) for page in selection.pages(several, Selection(), step=2)] == [2, 2, 1]


def test_tally_counts_what_a_verb_may_do(several: Inbox) -> None:
    """Of all that are meant: how many are in the right state, and how many of these have their body."""
    assert selection.tally(several, Selection(), Verb.REPLAY) == selection.Tally(5, allowed=4, with_body=3, last=5)
    assert selection.tally(several, Selection(shop="c"), Verb.REPLAY) == selection.Tally(0, 0, 0, 0)
