"""No queue at all: eight threads that post one call after the other, each in its own requests session."""

from __future__ import annotations

import os
import threading

import requests

URL, CALL = os.environ["URL"], os.environ["CALL"].encode()
THREADS, NUMBER = int(os.environ["THREADS"]), int(os.environ["NUMBER"])
HEADERS = {"Instance-Key": "bench001", "Content-Type": "application/json"}


def post_all(number: int) -> None:
    """Post so many calls."""
    with requests.Session() as session:
        for _ in range(number):
            session.post(URL, data=CALL, headers=HEADERS, timeout=5).raise_for_status()


if __name__ == "__main__":
    threads = [threading.Thread(target=post_all, args=(NUMBER // THREADS,), daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
