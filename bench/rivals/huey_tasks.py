"""The call as a task of huey with Redis, its usual storage."""

from __future__ import annotations

import os
import threading

import requests
from huey import RedisHuey

URL, CALL = os.environ["URL"], os.environ["CALL"]
HEADERS = {"Instance-Key": "bench001", "Content-Type": "application/json"}

huey = RedisHuey("bench", url=os.environ["REDIS"], results=False)
held = threading.local()


def session() -> requests.Session:
    """Return this thread's session."""
    if not hasattr(held, "session"):
        held.session = requests.Session()
    known: requests.Session = held.session
    return known


@huey.task(retries=100, retry_delay=5)
def send(call: str) -> None:
    """Post one call."""
    session().post(URL, data=call.encode(), headers=HEADERS, timeout=5).raise_for_status()


def enqueue() -> None:
    """Fill the queue."""
    for _ in range(int(os.environ["NUMBER"])):
        send(CALL)
