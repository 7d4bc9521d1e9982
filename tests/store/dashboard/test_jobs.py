"""Replay and discard of all that a filter shows, and of issues: counted first, then carried out by a worker."""

from __future__ import annotations

import re
import threading
from html import unescape
from typing import TYPE_CHECKING

import pytest

from tests.support.dashboard import PASSWORD, Browser, configured
from tests.support.deliveries import arrival, claim
from tests.support.users import document
from webhook_app.delivery.bulk_worker import BulkWorker
from webhook_app.inbox import Settlement, State, migrate
from webhook_app.inbox.operations import audit_log, bulk_jobs
from webhook_app.inbox.operations.bulk_changes import MANY
from webhook_app.inbox.presence import WORKER, Presence
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask

    from webhook_app.inbox import Inbox

FILTER = "state=dead&reason=http_422"
LINK = re.compile(r'href="/dashboard(/jobs/new\?[^"]*)"')
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """Two shops with three dead deliveries each, of two causes, on either engine."""
    shops = document(tmp_path, operator=["ours"], reader=["ours"])
    app = configured(monkeypatch, database_url, SHOPS_FILE=shops, DASHBOARD_PASSWORD=PASSWORD)
    inbox = inbox_of(app)
    migrate.upgrade(inbox.database)
    for shop in ("ours", "theirs"):
        inbox.store_all([arrival(f"{shop}{number}", shop=shop) for number in range(3)])
    for number, one in enumerate(claim(inbox, 6)):
        detail = f"lines.{number}: Missing data for required field."
        inbox.settle([Settlement(one, State.DEAD, "unreadable" if number % 3 else "poisoned", detail)])
    yield app
    inbox.close()


def inbox_of(app: Flask) -> Inbox:
    inbox: Inbox = app.extensions["webhooks"].inbox
    return inbox


def signed_in(app: Flask, name: str = "") -> Browser:
    browser = Browser(app)
    assert browser.sign_in(PASSWORD, **({"username": name} if name else {})).status_code == 303
    return browser


def start(browser: Browser, path: str, **form: str) -> str:
    """Confirm the count on a page; returns the address of the job."""
    page = browser.get(path)
    fields = dict(HIDDEN.findall(unescape(page.text))) | form
    response = browser.client.post("/dashboard/jobs", data=fields)
    assert response.status_code == 303, response.text
    return str(response.headers["Location"]).removeprefix("/dashboard")


def finish(inbox: Inbox) -> None:
    for _ in range(3):
        BulkWorker(inbox).work(threading.Event())


def states(inbox: Inbox, shop: str) -> list[str]:
    return [row.state for row in reversed(stored_deliveries.newest(inbox, 10)) if row.shop == shop]


def test_what_a_filter_shows_is_replayed(app: Flask) -> None:
    """The list links to a count, which changes nothing; the job changes these deliveries and no other."""
    browser, inbox = signed_in(app), inbox_of(app)
    links = LINK.findall(unescape(browser.get("/deliveries?reason=unreadable&shop=ours").text))
    assert [re.findall(r"verb=(\w+)", link) for link in links] == [["replay"], ["discard"]]
    page = browser.get(links[0]).text
    assert "Would be queued again</dt><dd><strong>2</strong>" in page
    assert states(inbox, "ours") == ["dead"] * 3
    job = start(browser, links[0])
    finish(inbox)
    assert "completed" in browser.get(job).text
    assert (states(inbox, "ours"), states(inbox, "theirs")) == (["dead", "received", "received"], ["dead"] * 3)
    assert [event.action for event in audit_log.newest(inbox)][:2] == ["job_completed", "job_started"]


def test_a_job_without_a_worker_does_not_run(app: Flask) -> None:
    """Its page says what is missing, and that it goes on, and so does the list of jobs."""
    browser, worker = signed_in(app), Presence(inbox_of(app), WORKER)
    job = start(browser, "/jobs/new?verb=replay&state=dead")
    for path in (job, "/actions"):
        assert "waits for a worker" in browser.get(path).text
    assert "No worker runs: nothing is changed" in browser.get(job).text
    worker.record()
    for path in (job, "/actions"):
        assert ("running" in (page := browser.get(path).text), "worker" in page) == (True, False)
    worker.end()
    assert "the job begins then" in browser.get(job).text
    finish(inbox_of(app))
    assert "No worker runs" not in browser.get(job).text


def test_an_issue_is_resolved_at_once(app: Flask) -> None:
    """Deliveries with one failure are one issue, of whatever shop; numbers in its text make no difference."""
    browser, inbox = signed_in(app), inbox_of(app)
    page = unescape(browser.get("/issues").text)
    assert re.findall(r"<small>(\d deliver\w+)</small>", page) == ["4 deliveries", "2 deliveries"]
    start(browser, next(link for link in LINK.findall(page) if "discard" in link))
    finish(inbox)
    assert states(inbox, "ours") == states(inbox, "theirs") == ["dead", "ignored", "ignored"]


def test_users_change_their_own_shops_alone(app: Flask) -> None:
    """Whatever the filter; who may not operate sees no button, and is refused."""
    operator, reader, inbox = signed_in(app, "operator"), signed_in(app, "reader"), inbox_of(app)
    assert LINK.findall(reader.get("/deliveries?state=dead").text) == []
    assert LINK.findall(reader.get("/issues").text) == []
    assert reader.get(f"/jobs/new?verb=replay&{FILTER}").status_code == 403
    assert reader.post("/jobs", "/deliveries", verb="replay", state="dead").status_code == 403
    of_all = start(signed_in(app), "/jobs/new?verb=discard&state=dead")
    number = int(of_all.rsplit("/", 1)[1])
    assert operator.get(of_all).status_code == operator.post(f"{of_all}/cancel", "/deliveries").status_code == 404
    assert "Job 1" not in operator.get("/actions").text
    bulk_jobs.cancel(inbox, number, audit_log.AuditEvent(audit_log.AuditAction.JOB_CANCELLED, ""))
    own = start(operator, "/jobs/new?verb=replay&state=dead")
    finish(inbox)
    assert (states(inbox, "ours"), states(inbox, "theirs")) == (["received"] * 3, ["dead"] * 3)
    assert "by operator" in operator.get(own).text
    assert reader.get(own).status_code == 200


def test_a_job_is_cancelled(app: Flask) -> None:
    browser, inbox = signed_in(app), inbox_of(app)
    job = start(browser, "/jobs/new?verb=discard&state=dead")
    assert browser.post(f"{job}/cancel", job).status_code == 303
    finish(inbox)
    assert "cancelled" in browser.get(job).text
    assert states(inbox, "ours") == ["dead"] * 3
    assert audit_log.newest(inbox)[0].action == "job_cancelled"


def test_many_need_a_confirmation(app: Flask) -> None:
    """As the command asks before it changes so many; a rate that is none is refused too."""
    browser, inbox = signed_in(app), inbox_of(app)
    inbox.store_all([arrival(f"more{number}") for number in range(MANY + 1)])
    path = "/jobs/new?verb=discard&state=waiting"
    fields = dict(HIDDEN.findall(browser.get(path).text))
    for wrong in ({}, {"confirmed": "yes", "rate": "fast"}, {"confirmed": "yes", "rate": "0"}):
        assert browser.client.post("/dashboard/jobs", data={**fields, **wrong}).status_code == 400
    assert not bulk_jobs.any_left(inbox)
    start(browser, path, confirmed="yes", rate="50")


@pytest.mark.parametrize(
    "query", ["verb=replay", "verb=claim&state=dead", "verb=replay&state=odd", "verb=replay&stat=dead"]
)
def test_a_wrong_filter_selects_nothing(app: Flask, query: str) -> None:
    """A filter that is missing or wrong is an error, never all deliveries."""
    browser = signed_in(app)
    assert browser.get(f"/jobs/new?{query}").status_code == 400
    form = dict(part.split("=") for part in query.split("&") if part)
    assert browser.post("/jobs", "/deliveries", **form).status_code == 400
    assert not bulk_jobs.any_left(inbox_of(app))
