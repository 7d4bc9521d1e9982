"""Carries out privacy requests in small steps, in a thread beside the worker's loop: no other shop waits for them.

A request is searched for, its webhook is settled, and then what was deleted is removed from the database's files, which
is tried until it succeeds. Any process can continue what another one began.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

from schemas.events import Reason
from webhook_app import logs
from webhook_app.delivery.privacy_search import business_keys, search
from webhook_app.delivery.privacy_subject import Subject
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import spool
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.operations.audit_log import AuditAction, AuditEvent
from webhook_app.inbox.privacy import privacy_requests
from webhook_app.inbox.privacy.privacy_requests import DELAYED, MOST_LISTED, PrivacyRequest, RequestKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox

POLL_EVERY = 10.0  # seconds, for requests that another process left
NEXT = 0.2  # seconds, while a request waits for its webhook to be settled
SLICE = 1.0  # seconds that a request is worked on before another one is
SAVE_EVERY = 2.0  # seconds between two saves of a search that finds nothing
PAUSE = 0.01  # seconds between two steps, at least; half as long as the step took, if that is longer
ERASE_AGAIN, LONGEST_PAUSE = 0.5, 30.0  # seconds until erasing is tried again, at first and at most
SPOOL_AGAIN = 1000  # milliseconds until a request looks again whether the spool was drained
REASONS = {RequestKind.ERASE: Reason.REDACTED, RequestKind.REPORT: Reason.DATA_REQUEST}


class PrivacyWorker:
    """Works on the requests of one inbox, as one of any number of processes."""

    def __init__(
        self,
        inbox: Inbox,
        shops: Mapping[str, Shop],
        stopped: Callable[[], bool] = lambda: False,
        spool_path: str | None = None,
    ) -> None:
        """`stopped` ends a request between two steps; another process continues it."""
        self._inbox, self._shops, self._stopped, self._spool = inbox, shops, stopped, spool_path
        self._added = threading.Event()
        self._pauses: dict[int, float] = {}  # by request whose content could not be erased yet
        self._seen: dict[int, int] = {}  # when a request was first worked on
        self._log = logs.logger()

    def run(self) -> None:
        """Repeat until stopped; wake() ends a wait. An idle worker makes no query in its first seconds."""
        self._wait(POLL_EVERY)
        while not self._stopped():
            try:
                wait = self._next()
            except StoreUnavailableError as error:
                self._inbox.outages.failed(error)
                wait = POLL_EVERY
            except Exception:  # noqa: BLE001 - logged; the request is tried again
                self._log.exception("unexpected_error")
                wait = POLL_EVERY
            self._wait(wait)

    def wake(self) -> None:
        """Look for requests now."""
        self._added.set()

    def carry_out(self, number: int) -> PrivacyRequest:
        """Work on one request until it is completed, by whatever process; returns it as it was last."""
        last = None
        while request := privacy_requests.get(self._inbox, number):
            last = request
            if claimed := privacy_requests.claim(self._inbox, number):
                self._work_on(claimed)
            if self._stopped():
                break
            time.sleep(PAUSE)
        if last is None:
            raise LookupError(number)
        return last

    def _wait(self, seconds: float) -> None:
        self._added.wait(seconds)
        self._added.clear()

    def _next(self) -> float:
        """Work on a request for a while; returns the seconds until the next one."""
        if not privacy_requests.any_left(self._inbox):
            return POLL_EVERY
        request = privacy_requests.claim(self._inbox)
        if request is None:
            return NEXT
        self._work_on(request)
        return 0.0

    def _work_on(self, request: PrivacyRequest) -> None:
        shop = self._shops.get(request.shop)
        if request.searched_at is not None:
            self._erase(request)
        elif shop is None:
            privacy_requests.release(self._inbox, request, int(POLL_EVERY * 1000))
        elif not self._has_all(request):
            privacy_requests.release(self._inbox, request, SPOOL_AGAIN)
        elif self._search(request, shop):
            privacy_requests.finish_search(self._inbox, request)

    def _has_all(self, request: PrivacyRequest) -> bool:
        """Return whether the inbox has what this machine received before the request: it may wait in the spool."""
        if not self._spool:
            return True
        now = self._inbox.clock()
        seen = self._seen.setdefault(request.id, now)
        waits = spool.holds_until(self._spool, seen)
        if waits and now - seen > DELAYED:
            self._log_delay(request, now - seen)
        return not waits

    def _log_delay(self, request: PrivacyRequest, waits: int) -> None:
        self._log.warning("erasure_delayed", request=request.id, shop=request.shop, seconds=waits // 1000)

    def _search(self, request: PrivacyRequest, shop: Shop) -> bool:
        """Search for a while; returns whether nothing is left and this process still has the request."""
        began = saved = time.monotonic()
        subject = Subject.from_json(request.subject)
        while time.monotonic() - began < SLICE and not self._stopped():
            stepped = time.monotonic()
            page = privacy_requests.page(self._inbox, request.shop, request.searched_to)
            if page is None:
                following = subject.second()
                if following is None:
                    return True
                subject = following
                request = request.advanced(0, [], subject.as_json())
                continue
            found, subject = search(subject, page.contents, shop)
            found = [number for number in found if number != request.delivery_id]
            request = request.advanced(page.last, found, subject.as_json())
            if found or stepped - saved > SAVE_EVERY:
                if not self._save(request, found, business_keys(found, page.contents, shop.platform)):
                    return False
                saved = stepped
            time.sleep(max(PAUSE, (time.monotonic() - stepped) / 2))
        if self._save(request, []):
            privacy_requests.release(self._inbox, request)
        return False

    def _save(self, request: PrivacyRequest, found: list[int], keys: Mapping[int, str] | None = None) -> bool:
        wiped = found if request.kind == RequestKind.ERASE else []
        by = f"delivery {request.delivery_id}" if request.delivery_id else "`forget`"
        return privacy_requests.save(self._inbox, request, wiped, Reason.REDACTED, f"Wiped by {by}.", keys)

    def _erase(self, request: PrivacyRequest) -> None:
        """Remove what was deleted from the files, and complete the request; else try again after a pause."""
        erases = request.kind == RequestKind.ERASE
        deleted_at = privacy_requests.deleted_at(self._inbox, request)
        if erases and not self._inbox.database.erase_deleted(deleted_at):
            pause = min(2 * self._pauses.get(request.id, ERASE_AGAIN / 2), LONGEST_PAUSE)
            self._pauses[request.id] = pause
            waits = self._inbox.clock() - deleted_at
            if waits > DELAYED:
                self._log_delay(request, waits)
            privacy_requests.release(self._inbox, request, int(pause * 1000))
            return
        self._pauses.pop(request.id, None)
        self._seen.pop(request.id, None)
        if erases and self._spool:
            spool.remove_unused_logs(self._spool)
        if privacy_requests.complete(self._inbox, request, _audit_event(request)):
            self._log.info("privacy_request_completed", shop=request.shop, kind=request.kind, deliveries=request.number)


def find(inbox: Inbox, shop: Shop, subject: Subject) -> list[int]:
    """Return the numbers of all deliveries that a request about `subject` would wipe, and change nothing."""
    numbers: set[int] = set()
    following: Subject | None = subject
    while following is not None:
        last = 0
        while page := privacy_requests.page(inbox, shop.name, last):
            found, following = search(following, page.contents, shop)
            numbers.update(found)
            last = page.last
        following = following.second()
    return sorted(numbers)


def _audit_event(request: PrivacyRequest) -> AuditEvent:
    source = audit_log.COMMAND_LINE if request.delivery_id is None else audit_log.PLATFORM
    action = AuditAction.ERASED if request.kind == RequestKind.ERASE else AuditAction.REPORTED
    return AuditEvent(action, source, delivery_id=request.delivery_id, detail=f"{request.shop}: {sentence(request)}")


def sentence(request: PrivacyRequest) -> str:
    """Return what was found, with the numbers of the first deliveries."""
    found = listed(request.number, json.loads(request.first_ids))
    if request.kind == RequestKind.ERASE:
        return f"Wiped {found}."
    return f"Found {found} about this customer; read them with `show --body` and answer within 30 days."


def listed(number: int, first: list[int]) -> str:
    """Return how many deliveries there are, with the numbers of the first."""
    if not number:
        return "no deliveries"
    shown = first[:MOST_LISTED]
    more = f" and {number - len(shown)} more" if number > len(shown) else ""
    return f"{number} deliver{'y' if number == 1 else 'ies'} ({', '.join(map(str, shown))}{more})"
