"""Every reason code has a title."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.events import Reason
from tests.support.tables import for_each
from webhook_app.reasons import explanation, explanations, reason_title, titled
from webhook_app.tweakwise import retry_policy

LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
FAILURES = sorted(retry_policy.UNSENT | retry_policy.AMBIGUOUS)


@for_each("reason", Reason)
def test_every_reason_to_ignore_has_a_title(reason: Reason) -> None:
    """The title of a reason is its own, and starts with a capital letter."""
    assert reason_title(reason) == reason.label != reason.value
    assert reason.label[0].isupper()


def test_no_two_reasons_share_a_title() -> None:
    """A title distinguishes reasons."""
    assert len({reason.label for reason in Reason}) == len(Reason)


@for_each("failure", [*FAILURES, "http_500", "http_400"])
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


def test_explanations_are_those_of_the_documentation() -> None:
    """Pages explain a reason as docs/reasons.md does, without its links."""
    assert {state: dict(codes) for state, codes in explanations().items()} == documented()


def documented() -> dict[str, dict[str, tuple[str, str]]]:
    """What a reason means and what to do, by state and code."""
    text = (Path(__file__).parents[2] / "docs/reasons.md").read_text(encoding="utf-8")
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for state in ("ignored", "waiting", "dead"):
        section = text.split(f"\n## {state.title()}\n", 1)[1].split("\n## ", 1)[0]
        rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
        found[state] = {_code(row[0]): (LINK.sub(r"\1", row[-2]), LINK.sub(r"\1", row[-1])) for row in rows}
    return found


def _code(cell: str) -> str:
    first = cell.split("`")[1].replace("http_<status>", "http")
    return next((prefix for prefix in ("gave_up", "parked") if first.startswith(prefix)), first)


@pytest.mark.parametrize(
    ("code", "state"),
    [("http_503", "waiting"), ("http_422", "dead"), ("gave_up_http_503", "dead"), ("parked_timeout", "dead")],
)
def test_reasons_of_calls_are_explained(code: str, state: str) -> None:
    """Whatever the status of the answer."""
    assert explanation(code, state)
