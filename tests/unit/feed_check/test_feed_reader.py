"""The feed reader: ids, encodings, hostile XML, and bounded memory."""

from __future__ import annotations

import gzip
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.feeds import HEAD, feed, parts
from tests.support.processes import ROOT
from webhook_app.errors import FeedUnreadableError
from webhook_app.feed_check import feed_reader
from webhook_app.feed_check.feed_reader import item_ids, unpacked

if TYPE_CHECKING:
    from pathlib import Path


def ids(*chunks: bytes) -> list[str]:
    return list(item_ids(unpacked(chunks)))


def test_ids_are_read() -> None:
    """Only the ids of items: not those of categories, not attributes that are called id."""
    assert ids(feed(["TSH0123", "<![CDATA[A&B]]>", "\n 7 \n", "&#65;&amp;"])) == ["TSH0123", "A&B", "7", "A&"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunk_size_makes_no_difference(size: int) -> None:
    """Wherever the stream is cut, the ids are the same; packed or not, also in several gzip members."""
    plain = feed(["TSH0123", "Zoë", "1" * 300])
    packed = gzip.compress(plain[:900]) + gzip.compress(plain[900:])
    for whole in (plain, packed):
        assert ids(*(whole[at : at + size] for at in range(0, len(whole), size))) == ["TSH0123", "Zoë", "1" * 300]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(encoding: str) -> None:
    """The encoding of the XML declaration or the byte order mark is used."""
    declared = encoding.removesuffix("-sig")
    text = feed(["Zoë"]).decode().replace('encoding="utf-8"', f'encoding="{declared}"')
    assert ids(text.encode(encoding)) == ["Zoë"]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


ATTACKS = {
    "billion laughs": f'<!DOCTYPE t [<!ENTITY l0 "ha">{LAUGHS}]><tweakwise><items><item><id>&l9;</id>',
    "external entity": '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><tweakwise><items><item><id>&x;</id>',
    "external dtd": '<!DOCTYPE t SYSTEM "http://127.0.0.1:9/x.dtd"><tweakwise>',
    "parameter entity": '<!DOCTYPE t [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><tweakwise>',
}


@pytest.mark.parametrize("name", ATTACKS)
def test_entities_are_refused(name: str) -> None:
    """Whatever declares entities is refused before one is used."""
    with pytest.raises(FeedUnreadableError, match="DOCTYPE"):
        ids(ATTACKS[name].encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<rss><channel/></rss>", "begins with <rss>"),
        (HEAD.encode(), "no element found"),
        (b"<tweakwise><items></tweakwise>", "line 1, column 21: mismatched tag"),
        (b"<tweakwise><items><item><id>&nbsp;</id>", "undefined entity"),
        (b"not xml", "syntax error"),
        (b"", "no element found"),
        (b"<tweakwise>" + b"<a>" * 200, "nested more than 100"),
        (b"\x1f\x8bnot gzip", "gzip file is damaged"),
        (gzip.compress(feed(["1"]))[:-30], "is incomplete"),
    ],
)
def test_invalid_feed_is_refused(body: bytes, words: str) -> None:
    """The message names the place and the problem."""
    with pytest.raises(FeedUnreadableError, match=words):
        ids(body)


def test_endless_tag_is_refused() -> None:
    """A tag without an end would have to be stored in memory."""
    with pytest.raises(FeedUnreadableError, match="tag or comment"):
        ids(b"<tweakwise><a b='", *[b"x" * 65536] * 100)


def test_endless_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each different name stays in memory."""
    monkeypatch.setattr(feed_reader, "MOST_NAMES", 1000)
    with pytest.raises(FeedUnreadableError, match="different names"):
        ids(b"<tweakwise>", *(b"<a%d/>" % number for number in range(1100)))


def test_memory_does_not_grow_with_the_feed(tmp_path: Path) -> None:
    """Twenty times the feed needs the same memory, measured as the peak of a process."""
    program = """
import resource, sys
from webhook_app.cli.support.feed_input import chunks
from webhook_app.feed_check.feed_reader import item_ids, unpacked
count = sum(1 for _ in item_ids(unpacked(chunks(sys.argv[1]))))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = []
    for count in (1_000, 20_000):
        path = tmp_path / f"{count}.xml.gz"
        with gzip.open(path, "wb", compresslevel=1) as sink:
            sink.writelines(parts(range(count), "long " * 100))
        result = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, check=True)
        seen, peak = map(int, result.stdout.split())
        assert seen == count
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 4096  # KiB, of 16 MB more of feed
