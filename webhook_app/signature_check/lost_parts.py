"""Parts of a JSON body that were lost on the way, restored: zeros of numbers (1.0 became 1), and its cut-off end."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING

from webhook_app.signature_check.change import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A text, and where it is the key of a number, that number.
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"(?P<number>\s*:\s*-?\d+(?:\.\d)?(?=\s*[,}\]]))?')
BRACKETS = {ord("{"): b"}", ord("["): b"]"}
LITERALS = (b"true", b"false", b"null")
LARGEST = 128 * 1024  # bytes; each try writes the body again
MOST_KEYS = 9  # whose every combination is tried
MOST_SINGLE = 100  # that are tried one by one
UNCHANGED = re.compile(rb"(?:^|_)(?:id|quantity|count|position|number)$|Id$|ID$|Quantity$")
NUMBERS = "Numbers were written again on the way: {was} became {became}."
RAW = "Verify, store and pass on the bytes exactly as received, before anything parses them as text or JSON."
CUT = "The end of the body was cut off."
WHOLE = "Pass on the whole body: check the limits of proxies, and that Content-Length counts bytes, not characters."

STYLES = (("1.0", "1", b".0", b""), ("1.00", "1 (and 10.50 became 10.5)", b".00", b"0"))


def restored(body: bytes) -> Iterator[Change[bytes]]:
    """Yield the body with the zeros that its numbers may have had, by the names of their keys."""
    if len(body) > LARGEST:
        return
    tokens = [match for match in TOKEN.finditer(body) if match["number"]]
    keys = list(dict.fromkeys(_key(match) for match in tokens))
    for was, became, whole, fraction in STYLES:
        for chosen in _choices(keys):
            value = _rewritten(body, tokens, chosen, whole, fraction)
            if value != body:
                yield Change(value, NUMBERS.format(was=was, became=became), RAW)


def completed(body: bytes) -> Iterator[Change[bytes]]:
    """Yield the body with the end that its open brackets and texts need; nothing if it is complete."""
    ends, in_text = _open_ends(body)
    if not ends:
        return
    closing = b"".join(reversed(ends))
    beginnings = (b'"',) if in_text else (b"", *_rest_of_literal(body))
    for beginning in beginnings:
        for line_end in (b"", b"\n"):
            yield Change(body + beginning + closing + line_end, CUT, WHOLE)


def is_cut(body: bytes) -> bool:
    """Return whether a JSON body ends before its brackets are closed."""
    return body.lstrip()[:1] in (b"{", b"[") and bool(_open_ends(body)[0])


def _key(token: re.Match[bytes]) -> bytes:
    return token[0][1 : token.start("number") - token.start() - 1]


def _choices(keys: list[bytes]) -> Iterable[tuple[bytes, ...]]:
    """Return the sets of keys whose numbers may have lost zeros: every one where they are few, else the likely ones."""
    amounts = [key for key in keys if not UNCHANGED.search(key)]
    likely: list[tuple[bytes, ...]] = [tuple(keys), tuple(amounts), *((key,) for key in keys[:MOST_SINGLE])]
    few = amounts[:MOST_KEYS]
    return dict.fromkeys(likely + [one for size in range(2, len(few)) for one in combinations(few, size)])


def _rewritten(
    body: bytes, tokens: list[re.Match[bytes]], keys: tuple[bytes, ...], whole: bytes, fraction: bytes
) -> bytes:
    parts, last = [], 0
    for match in tokens:
        if _key(match) in keys:
            parts += [body[last : match.end()], fraction if b"." in match["number"] else whole]
            last = match.end()
    return b"".join([*parts, body[last:]])


def _open_ends(body: bytes) -> tuple[list[bytes], bool]:
    """Return the brackets that close what is open at the end, the outermost first, and whether a text is open."""
    ends: list[bytes] = []
    in_text = escaped = False
    for byte in body:
        if in_text:
            in_text, escaped = escaped or byte != ord('"'), byte == ord("\\") and not escaped
        elif byte == ord('"'):
            in_text = True
        elif byte in BRACKETS:
            ends.append(BRACKETS[byte])
        elif byte in b"}]" and ends:
            ends.pop()
    return ends, in_text


def _rest_of_literal(body: bytes) -> Iterator[bytes]:
    """Yield what is missing of `true`, `false` or `null`."""
    for literal in LITERALS:
        for length in range(1, len(literal)):
            if body.endswith(literal[:length]):
                yield literal[length:]
