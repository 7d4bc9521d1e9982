"""Reads the ids of a Tweakwise product feed as a stream: memory does not grow with the feed.

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

ROOT, PATH = "tweakwise", ["items", "item", "id"]
GZIP = b"\x1f\x8b"
CHUNK = 256 * 1024  # bytes that are unpacked at a time
# Limits that no real feed reaches; they stop attacks on memory.
DEEPEST = 100  # elements within each other
LONGEST_TAG = 4 * 1024 * 1024  # bytes of one tag or comment
MOST_NAMES = 50_000  # different names of elements and attributes
LONGEST_ID = 512  # characters; longer ones are cut, since no product key is that long


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack the bytes if they are gzip, in small pieces. Raises FeedUnreadableError."""
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
            if unpacker.eof:  # a gzip file may have several members
                unpacker = zlib.decompressobj(wbits=31)
            try:
                yield unpacker.decompress(rest, CHUNK)
            except zlib.error as error:
                raise FeedUnreadableError(f"the gzip file is damaged: {error}") from None
            rest = unpacker.unconsumed_tail or unpacker.unused_data
    if not unpacker.eof:
        raise FeedUnreadableError("the gzip file is incomplete")


def item_ids(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the id of each item, in order. Raises FeedUnreadableError with the place and the problem."""
    parser = _FeedParser()
    for chunk in chunks:
        parser.feed(chunk)
        yield from parser.take_ids()
    parser.end()
    yield from parser.take_ids()


class _FeedParser:
    """Parses a feed with expat. A DOCTYPE is refused, and with it every entity, internal or external."""

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
                f"line {self._parser.CurrentLineNumber}: a tag or comment of more than {LONGEST_TAG} bytes"
            )
        if len(self._parser.intern) > MOST_NAMES:
            raise FeedUnreadableError(f"more than {MOST_NAMES} different names of elements: this is not a product feed")

    def end(self) -> None:
        self._parse(b"", last=True)

    def take_ids(self) -> list[str]:
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
        if self._path_depth == self._depth - 1 and self._path_depth < len(PATH) and name == PATH[self._path_depth]:
            self._path_depth += 1
            if self._path_depth == len(PATH):
                self._parser.CharacterDataHandler = self._text
        self._depth += 1

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._path_depth != self._depth or self._depth == 0:
            return
        if self._path_depth == len(PATH):
            self._parser.CharacterDataHandler = None
            self._ids.append("".join(self._id)[:LONGEST_ID].strip())
            self._id = []
        self._path_depth -= 1

    def _text(self, text: str) -> None:
        if len(self._id) < LONGEST_ID:
            self._id.append(text[:LONGEST_ID])


def _refuse_doctype(*_: object) -> None:
    raise FeedUnreadableError("it has a DOCTYPE, which can declare entities; a Tweakwise product feed has none")
