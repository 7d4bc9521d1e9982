"""Since when content that was erased on request should be in no file any more, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.deliveries import arrival, claim_one, settle
from tests.support.health import health_of
from webhook_app.inbox import State
from webhook_app.inbox.privacy import privacy_requests
from webhook_app.inbox.privacy.privacy_requests import DELAYED, RequestKind

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox


def found(inbox: Inbox) -> list[tuple[str, str]]:
    return [(one.severity, one.text) for one in health_of(inbox).evaluate() if one.check == "erasure"]


def test_erasure_that_is_delayed(inbox: Inbox, clock: Clock) -> None:
    """A warning a minute after the last of it was deleted, an error after a day; the request's own webhook counts."""
    number = inbox.store(arrival(topic="customers/redact")).id
    delivery = claim_one(inbox)
    request = privacy_requests.add(inbox, RequestKind.ERASE, "acme", "{}", number)
    claimed = privacy_requests.claim(inbox, request.id)
    assert claimed
    privacy_requests.finish_search(inbox, claimed)
    clock.move(DELAYED / 1000 + 1)
    assert found(inbox) == []  # the webhook is not settled yet
    settle(inbox, delivery, State.IGNORED, reason="redacted")
    assert found(inbox) == []
    clock.move(DELAYED / 1000 + 1)
    [(severity, text)] = found(inbox)
    assert (severity, text) == (
        "warning",
        "acme: personal data that was erased 1 min 1 s ago is still in a file of the database.",
    )
    clock.move(86_400)
    assert found(inbox)[0][0] == "error"


def test_reports_are_not_erased(inbox: Inbox, clock: Clock) -> None:
    """A request to list someone's deliveries deletes nothing."""
    request = privacy_requests.add(inbox, RequestKind.REPORT, "acme", "{}")
    claimed = privacy_requests.claim(inbox, request.id)
    assert claimed
    privacy_requests.finish_search(inbox, claimed)
    clock.move(3600)
    assert found(inbox) == []
