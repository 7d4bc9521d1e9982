"""What happens to bodies on their way, undone: each change gives the body as it may have been signed."""

from __future__ import annotations

import base64
import binascii
import html
import json
import unicodedata
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, unquote_to_bytes

from webhook_app.signature_check.change import Change
from webhook_app.signature_check.json_styles import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOM = b"\xef\xbb\xbf"
# Beyond this, writing it in every style would take minutes.
MOST_REWRITTEN = 512 * 1024  # bytes
MOST_UNPACKED = 16 * 1024 * 1024  # bytes

# What gateways and middlemen call the body in a document of their own.
CARRIERS = ("body", "payload", "data", "rawbody", "raw_body")

RAW = "Verify, store and pass on the bytes as they came in, before anything reads them as text or JSON."
EDITED = "Save the body byte for byte (curl --data-binary, not -d; no editor), and let nothing add or take line ends."
WRAPPED = "Let whatever stands in front (gateway, function, middleman) pass the inner body on as it is."
ENCODING = "Let nothing in between convert the character set: pass the bytes on as they came."

Undoing = tuple[str, str, "Callable[[bytes], bytes]"]


def changed(body: bytes) -> Iterator[Change[bytes]]:
    """Yield the body as it may have been before each common change, each different body once."""
    seen = {body}
    for change in _all(body):
        if change.value not in seen:
            seen.add(change.value)
            yield change


def _all(body: bytes) -> Iterator[Change[bytes]]:
    for text, advice, undo in SIMPLE:
        try:
            yield Change(undo(body), text, advice)
        except (ValueError, binascii.Error, zlib.error, RecursionError):
            continue
    yield from _unwrapped(body)
    if len(body) <= MOST_REWRITTEN:
        for style, written in rewritten(body):
            text = f"The JSON was parsed and written anew on its way; it was signed as JSON {style.words}."
            yield Change(written, text, RAW)
            for end in (b"\n", b"\r\n"):
                yield Change(written + end, f"{text[:-1]}, with a line end behind it.", RAW)


def _text(undo: Callable[[str], str]) -> Callable[[bytes], bytes]:
    return lambda body: undo(body.decode()).encode()


def _without_end(body: bytes) -> bytes:
    return body.removesuffix(b"\n").removesuffix(b"\r")


def _without_replacing(body: bytes, old: bytes, new: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n").replace(old, new)


def _unpacked(body: bytes) -> bytes:
    return zlib.decompressobj(wbits=47).decompress(body, MOST_UNPACKED)  # 47: gzip or zlib, whichever it is


def _as_string(body: bytes) -> bytes:
    inner = json.loads(body)
    return inner.encode() if isinstance(inner, str) else body


SIMPLE: tuple[Undoing, ...] = (
    ("A line end was added behind the body.", EDITED, _without_end),
    ("White space was added before or behind the body.", EDITED, bytes.strip),
    ("The line end behind the body was taken away.", EDITED, lambda body: body + b"\n"),
    ("The line end behind the body was taken away.", EDITED, lambda body: body + b"\r\n"),
    ("Its line ends were turned from LF into CRLF.", EDITED, lambda body: body.replace(b"\r\n", b"\n")),
    ("Its line ends were turned from CRLF into LF.", EDITED, lambda body: _without_replacing(body, b"\n", b"\r\n")),
    ("A byte order mark (BOM) was put before the body.", EDITED, lambda body: body.removeprefix(BOM)),
    ("The byte order mark (BOM) before the body was taken away.", EDITED, lambda body: BOM + body),
    ("NUL bytes were added behind the body.", RAW, lambda body: body.rstrip(b"\0")),
    ("It was turned into UTF-16.", ENCODING, lambda body: body.decode("utf-16").encode()),
    (
        "UTF-8 was read as Latin-1 and written as UTF-8 again: letters such as ë became two.",
        ENCODING,
        lambda body: body.decode().encode("latin-1"),
    ),
    (
        "UTF-8 was read as Windows-1252 and written as UTF-8 again: letters such as ë became two.",
        ENCODING,
        lambda body: body.decode().encode("cp1252"),
    ),
    ("It was turned from UTF-8 into Latin-1.", ENCODING, lambda body: body.decode("latin-1").encode()),
    ("It was turned from UTF-8 into Windows-1252.", ENCODING, lambda body: body.decode("cp1252").encode()),
    ("Its letters were composed (Unicode NFC).", ENCODING, _text(lambda text: unicodedata.normalize("NFD", text))),
    ("Its letters were taken apart (Unicode NFD).", ENCODING, _text(lambda text: unicodedata.normalize("NFC", text))),
    ("HTML entities were decoded in it.", RAW, _text(lambda text: html.escape(text, quote=False))),
    ("HTML entities were decoded in it.", RAW, _text(html.escape)),
    ("Letters were turned into HTML entities (&quot;) in it.", RAW, _text(html.unescape)),
    ("It was URL-encoded.", RAW, _text(unquote_plus)),
    ("It was URL-encoded.", RAW, unquote_to_bytes),
    ("It was URL-decoded.", RAW, lambda body: quote_plus(body).encode()),
    ("It was URL-decoded.", RAW, lambda body: quote(body, safe="").encode()),
    ("It was compressed on its way.", RAW, _unpacked),
    ("It was put into base64.", WRAPPED, lambda body: base64.b64decode(body.strip(), validate=True)),
    ("It was written as a JSON string inside quotes.", WRAPPED, _as_string),
)


def _unwrapped(body: bytes) -> Iterator[Change[bytes]]:
    """Yield what a form or a gateway's own JSON carries the body in."""
    for name, value in _form(body):
        yield Change(value.encode(), f"It was put into a form, as the field {_short(name)}.", WRAPPED)
    for name, value in _members(body):
        if isinstance(value, str) and name.lower() in CARRIERS:
            yield from _inner(value, f"It was put into another JSON document, as its field {name!r}")


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return [] if body[:1] in b"{[" else parse_qsl(body.decode(), max_num_fields=20, strict_parsing=True)
    except ValueError:
        return []


def _members(body: bytes) -> list[tuple[str, Any]]:
    try:
        outer = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return list(outer.items()) if isinstance(outer, dict) else []


def _inner(value: str, text: str) -> Iterator[Change[bytes]]:
    yield Change(value.encode(), f"{text}.", WRAPPED)
    try:
        yield Change(base64.b64decode(value, validate=True), f"{text}, in base64.", WRAPPED)
    except ValueError:
        return


def _short(name: str) -> str:
    """Name a form's field, unless it is itself part of a body."""
    return repr(name) if name.isidentifier() and len(name) < 30 else "without a name"  # noqa: PLR2004 - of a name
