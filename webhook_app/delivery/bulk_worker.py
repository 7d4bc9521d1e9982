"""Carries out the dashboard's jobs in small steps, in a thread beside the worker's loop: no shop waits for them.

Any process can continue what another one began, also after a kill; a rate is a limit for the job, not for a process.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.operations import bulk_changes, bulk_jobs

if TYPE_CHECKING:
    import threading

    from webhook_app.inbox import Inbox
    from webhook_app.inbox.operations.bulk_jobs import BulkJob

POLL_EVERY = 2.0  # seconds
FIRST_POLL = 0.5  # seconds
NEXT = 0.2  # seconds, while a job waits for its rate, or another process has it
PAUSE = 0.01  # seconds between two steps, at least; half as long as the step took, if that is longer
SLICE = 1.0  # seconds that a job is worked on before another one is


class BulkWorker:
    """Works on the jobs of one inbox, as one of any number of processes."""

    def __init__(self, inbox: Inbox) -> None:
        """Nothing starts before run()."""
        self._inbox, self._log = inbox, logs.logger()

    def run(self, stopping: threading.Event) -> None:
        """Repeat until `stopping`; a job that is under way is continued by another process."""
        wait = FIRST_POLL
        while not stopping.wait(wait):
            try:
                wait = self.work(stopping)
            except StoreUnavailableError as error:
                self._inbox.outages.failed(error)
                wait = POLL_EVERY
            except Exception:  # noqa: BLE001 - logged; the step is tried again
                self._log.exception("unexpected_error")
                wait = POLL_EVERY

    def work(self, stopping: threading.Event) -> float:
        """Work on a job for a while; returns the seconds until the next one."""
        if not bulk_jobs.any_left(self._inbox):
            return POLL_EVERY
        job = bulk_jobs.claim(self._inbox)
        if job is None:
            return NEXT
        self._work_on(job, stopping)
        return PAUSE

    def _work_on(self, job: BulkJob, stopping: threading.Event) -> None:
        began = time.monotonic()
        while job.position < job.last:
            stepped = time.monotonic()
            step = bulk_changes.following(
                self._inbox, job.wanted, job.position, job.last, bulk_changes.step_size(job.rate)
            )
            advanced = bulk_jobs.advance(self._inbox, job, step)
            if advanced is None:
                return
            took = time.monotonic() - stepped
            wait = bulk_changes.pause_after(advanced.done - job.done, job.rate, took)
            job = advanced
            if wait or stopping.is_set() or time.monotonic() - began > SLICE:
                bulk_jobs.release(self._inbox, job, int(wait * 1000))
                return
            stopping.wait(max(PAUSE, took / 2))
        if bulk_jobs.complete(self._inbox, job):
            self._log.info("bulk_job_completed", job=job.id, verb=job.verb, done=job.done, total=job.total)
