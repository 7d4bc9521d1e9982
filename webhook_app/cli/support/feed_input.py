"""Reads a product feed from a file, a URL or stdin, with a progress bar on stderr."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from webhook_app.cli.support.terminal import progress_bar
from webhook_app.errors import FeedUnreadableError
from webhook_app.failed_requests import described
from webhook_app.timed_answers import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = re.compile(r"[0-9]{1,18}")  # a Content-Length that a counter can hold
LABEL = "Reading the feed"
CHUNK = 64 * 1024  # bytes
TIMEOUT = (10.0, 60.0)  # seconds, to connect and between two bytes


def chunks(feed: str) -> Iterator[bytes]:
    """Yield the bytes of a feed as they arrive. Raises FeedUnreadableError."""
    try:
        if _is_web(feed):
            yield from _downloaded(feed)
        elif feed == "-":
            yield from _read(sys.stdin.buffer, 0)
        else:
            with Path(feed).open("rb") as file:
                yield from _read(file, Path(feed).stat().st_size)
    except requests.RequestException as error:
        raise FeedUnreadableError(described(error)) from None
    except OSError as error:
        raise FeedUnreadableError(str(error.strerror or error)) from None


def title(feed: str) -> str:
    """Return what to call the feed in output: a URL without its user, password and query, which may be secret."""
    if not _is_web(feed):
        return "stdin" if feed == "-" else feed
    parts = urlsplit(feed)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_web(feed: str) -> bool:
    return feed.startswith(("https://", "http://"))


def _read(file: BinaryIO, size: int) -> Iterator[bytes]:
    with progress_bar(size or None, LABEL) as bar:
        while chunk := file.read(CHUNK):
            bar.update(len(chunk))
            yield chunk


def _downloaded(feed: str) -> Iterator[bytes]:
    # A feed may be large: there is no limit to the time of the whole.
    with Session(HTTPAdapter()) as session, session.get(feed, stream=True, timeout=TIMEOUT) as response:
        if response.status_code != requests.codes.ok:
            raise FeedUnreadableError(f"the server answered with status {response.status_code}")
        size, seen = response.headers.get("Content-Length", ""), 0
        with progress_bar(int(size) if LENGTH.fullmatch(size) else None, LABEL) as bar:
            for chunk in response.iter_content(CHUNK):
                bar.update(response.raw.tell() - seen)
                seen = response.raw.tell()
                yield chunk
