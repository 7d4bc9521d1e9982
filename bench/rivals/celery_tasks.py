"""The call as a task of Celery with Redis. Acknowledged late, so that a killed worker loses nothing."""

from __future__ import annotations

import os
import threading

import requests
from celery import Celery

URL, CALL = os.environ["URL"], os.environ["CALL"]
HEADERS = {"Instance-Key": "bench001", "Content-Type": "application/json"}

app = Celery("bench", broker=os.environ["REDIS"])
app.conf.update(task_ignore_result=True, task_acks_late=True, broker_connection_retry_on_startup=True)
held = threading.local()


def session() -> requests.Session:
    """Return this thread's session."""
    if not hasattr(held, "session"):
        held.session = requests.Session()
    known: requests.Session = held.session
    return known


@app.task(name="send", autoretry_for=(requests.RequestException,), retry_backoff=True, max_retries=None)
def send(call: str) -> None:
    """Post one call."""
    session().post(URL, data=call.encode(), headers=HEADERS, timeout=5).raise_for_status()


def enqueue() -> None:
    """Fill the queue."""
    for _ in range(int(os.environ["NUMBER"])):
        send.delay(CALL)
