"""The ids in a Tweakwise product feed, read as a stream: memory does not grow with the feed.

<tweakwise><categories>...</categories><items><item><id>...</id>...</item></items></tweakwise>
https://docs.tweakwise.com/docs/generate-an-xml-feed
"""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING
from xml.parsers import expat

from webhook_app.errors import FeedUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT, WAY = "tweakwise", ["items", "item", "id"]
GZIP = b"\x1f\x8b"
AT_ONCE = 256 * 1024  # bytes unpacked at a time
# What no feed has and an attack on memory would.
DEEPEST = 100  # elements within each other
LONGEST_TAG = 4 * 1024 * 1024  # bytes of one tag or comment
MOST_NAMES = 50_000  # different names of elements and attributes
LONGEST_ID = 512  # characters; what is longer is cut, since no product key is as long


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip where the bytes are gzip, a little at a time. Raises FeedUnreadableError."""
    stream, head = iter(chunks), b""
    while len(head) < len(GZIP) and (chunk := next(stream, None)) is not None:
        head += chunk
    whole = itertools.chain([head], stream)
    yield from _gunzipped(whole) if head.startswith(GZIP) else whole


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        rest = chunk
        while rest:
            if unpacker.eof:  # gzip files may be several behind each other
                unpacker = zlib.decompressobj(wbits=31)
            try:
                yield unpacker.decompress(rest, AT_ONCE)
            except zlib.error as error:
                raise FeedUnreadableError(f"the gzip file is damaged: {error}") from None
            rest = unpacker.unconsumed_tail or unpacker.unused_data
    if not unpacker.eof:
        raise FeedUnreadableError("the gzip file ends too early: it was not loaded whole")


def item_ids(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the id of each item, in order. Raises FeedUnreadableError, which says where and what is wrong."""
    reading = _FeedParser()
    for chunk in chunks:
        reading.feed(chunk)
        yield from reading.taken()
    reading.end()
    yield from reading.taken()


class _FeedParser:
    """One pass of expat over a feed. Entities are refused by refusing what declares them, external ones with them."""

    def __init__(self) -> None:
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.StartDoctypeDeclHandler = _refuse_doctype
        self._depth, self._path_depth, self._bytes = 0, 0, 0
        self._id: list[str] = []
        self._ids: list[str] = []

    def feed(self, chunk: bytes) -> None:
        self._parse(chunk, last=False)
        self._bytes += len(chunk)
        if self._bytes - self._parser.CurrentByteIndex > LONGEST_TAG:
            raise FeedUnreadableError(
                f"line {self._parser.CurrentLineNumber}: a tag or comment of over {LONGEST_TAG} bytes"
            )
        if len(self._parser.intern) > MOST_NAMES:
            raise FeedUnreadableError(f"more than {MOST_NAMES} different names of elements: this is no product feed")

    def end(self) -> None:
        self._parse(b"", last=True)

    def taken(self) -> list[str]:
        ids, self._ids = self._ids, []
        return ids

    def _parse(self, chunk: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise FeedUnreadableError(f"line {error.lineno}, column {error.offset + 1}: {what}") from None

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        if self._depth == 0 and name != ROOT:
            raise FeedUnreadableError(f"it begins with <{name[:50]}>; a Tweakwise product feed begins with <{ROOT}>")
        if self._depth >= DEEPEST:
            raise FeedUnreadableError(
                f"line {self._parser.CurrentLineNumber}: elements nested more than {DEEPEST} deep"
            )
        if self._path_depth == self._depth - 1 and self._path_depth < len(WAY) and name == WAY[self._path_depth]:
            self._path_depth += 1
            if self._path_depth == len(WAY):
                self._parser.CharacterDataHandler = self._text
        self._depth += 1

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._path_depth != self._depth or self._depth == 0:
            return
        if self._path_depth == len(WAY):
            self._parser.CharacterDataHandler = None
            self._ids.append("".join(self._id)[:LONGEST_ID].strip())
            self._id = []
        self._path_depth -= 1

    def _text(self, text: str) -> None:
        if len(self._id) < LONGEST_ID:
            self._id.append(text[:LONGEST_ID])


def _refuse_doctype(*_: object) -> None:
    raise FeedUnreadableError("it has a DOCTYPE, which can declare entities; a Tweakwise product feed has none")
