"""Every reason code has a title."""

from __future__ import annotations

import pytest

from schemas.events import Reason
from webhook_app.reasons import reason_title, titled
from webhook_app.tweakwise import retry_policy

FAILURES = sorted(retry_policy.UNSENT | retry_policy.AMBIGUOUS)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_to_ignore_has_a_title(reason: Reason) -> None:
    """The title of a reason is its own, and starts with a capital letter."""
    assert reason_title(reason) == reason.label != reason.value
    assert reason.label[0].isupper()


def test_no_two_reasons_share_a_title() -> None:
    """A title distinguishes reasons."""
    assert len({reason.label for reason in Reason}) == len(Reason)


@pytest.mark.parametrize("failure", [*FAILURES, "http_500", "http_400"])
@pytest.mark.parametrize("prefix", ["", "gave_up_", "parked_"])
def test_every_failure_of_a_call_has_a_title(prefix: str, failure: str) -> None:
    """A failed call has a title while it waits, once it was given up, and parked."""
    assert reason_title(prefix + failure) != prefix + failure


@pytest.mark.parametrize("code", ["shop_missing", "searching", "poisoned", "translation_error", "unreadable"])
def test_every_other_reason_of_the_worker_has_a_title(code: str) -> None:
    """What the worker writes itself has a title."""
    assert reason_title(code) != code


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("no_profile", "No profile key"),
        ("http_503", "Tweakwise answered 503"),
        ("gave_up_http_503", "Gave up: Tweakwise answered 503"),
        ("gave_up_dns", "Gave up: DNS lookup failed"),
        ("parked_timeout", "Parked: No response in time"),
    ],
)
def test_titles(code: str, title: str) -> None:
    """A title reads as a phrase, and is shown with its code."""
    assert (reason_title(code), titled(code)) == (title, f"{title} ({code})")


@pytest.mark.parametrize("code", ["", "unheard_of", "http_", "http_50", "gave_up_", "gave_up_nothing", "parked_"])
def test_an_unknown_code_stands_for_itself(code: str) -> None:
    """A code of another version is shown as it is."""
    assert (reason_title(code), titled(code)) == (code, code)
