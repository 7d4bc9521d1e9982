"""Changes that proxies, gateways and editors make to bodies, undone: each gives a body that may have been signed."""

from __future__ import annotations

import base64
import binascii
import html
import json
import unicodedata
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, unquote_to_bytes

from webhook_app.signature_check import lost_parts
from webhook_app.signature_check.change import Change
from webhook_app.signature_check.json_styles import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOM = b"\xef\xbb\xbf"
# A larger body would take minutes to write in every style.
LARGEST_REWRITTEN = 512 * 1024  # bytes
LARGEST_UNPACKED = 16 * 1024 * 1024  # bytes

# Names that gateways and integration tools give to the body inside their own document.
WRAPPER_FIELDS = ("body", "payload", "data", "rawbody", "raw_body")

RAW = "Verify, store and pass on the bytes exactly as received, before anything parses them as text or JSON."
EDITED = "Save and send the body byte for byte (curl --data-binary, not -d; no editor), without changing line ends."
WRAPPED = "Configure the gateway or integration tool in front of the receiver to pass on the inner body unchanged."
ENCODING = "Pass the bytes on unchanged: something on the way converts the character set."

Undoing = tuple[str, str, "Callable[[bytes], bytes]"]


def changed(body: bytes) -> Iterator[Change[bytes]]:
    """Yield the body as it may have been before each common change; the same body is yielded only once."""
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
    yield from lost_parts.completed(body)
    if len(body) <= LARGEST_REWRITTEN:
        for style, written in rewritten(body):
            text = f"The JSON was parsed and written again on the way; it was signed as JSON {style.description}."
            yield Change(written, text, RAW)
            for end in (b"\n", b"\r\n"):
                yield Change(written + end, f"{text[:-1]}, followed by a line end.", RAW)


def _text(undo: Callable[[str], str]) -> Callable[[bytes], bytes]:
    return lambda body: undo(body.decode()).encode()


def _without_end(body: bytes) -> bytes:
    return body.removesuffix(b"\n").removesuffix(b"\r")


def _without_replacing(body: bytes, old: bytes, new: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n").replace(old, new)


def _unpacked(body: bytes) -> bytes:
    return zlib.decompressobj(wbits=47).decompress(body, LARGEST_UNPACKED)  # 47: gzip or zlib, whichever it is


def _as_string(body: bytes) -> bytes:
    inner = json.loads(body)
    return inner.encode() if isinstance(inner, str) else body


SIMPLE: tuple[Undoing, ...] = (
    ("A line end was added after the body.", EDITED, _without_end),
    ("White space was added before or after the body.", EDITED, bytes.strip),
    ("The line end after the body was removed.", EDITED, lambda body: body + b"\n"),
    ("The line end after the body was removed.", EDITED, lambda body: body + b"\r\n"),
    ("The line ends of the body were changed from LF to CRLF.", EDITED, lambda body: body.replace(b"\r\n", b"\n")),
    (
        "The line ends of the body were changed from CRLF to LF.",
        EDITED,
        lambda body: _without_replacing(body, b"\n", b"\r\n"),
    ),
    ("A byte order mark (BOM) was added before the body.", EDITED, lambda body: body.removeprefix(BOM)),
    ("The byte order mark (BOM) before the body was removed.", EDITED, lambda body: BOM + body),
    ("NUL bytes were added after the body.", RAW, lambda body: body.rstrip(b"\0")),
    ("The body was converted to UTF-16.", ENCODING, lambda body: body.decode("utf-16").encode()),
    (
        "The body was read as Latin-1 instead of UTF-8: letters such as ë became two.",
        ENCODING,
        lambda body: body.decode().encode("latin-1"),
    ),
    (
        "The body was read as Windows-1252 instead of UTF-8: letters such as ë became two.",
        ENCODING,
        lambda body: body.decode().encode("cp1252"),
    ),
    ("The body was converted from UTF-8 to Latin-1.", ENCODING, lambda body: body.decode("latin-1").encode()),
    ("The body was converted from UTF-8 to Windows-1252.", ENCODING, lambda body: body.decode("cp1252").encode()),
    (
        "The letters of the body were composed (Unicode NFC).",
        ENCODING,
        _text(lambda text: unicodedata.normalize("NFD", text)),
    ),
    (
        "The letters of the body were decomposed (Unicode NFD).",
        ENCODING,
        _text(lambda text: unicodedata.normalize("NFC", text)),
    ),
    ("HTML entities in the body were decoded.", RAW, _text(lambda text: html.escape(text, quote=False))),
    ("HTML entities in the body were decoded.", RAW, _text(html.escape)),
    ("Characters of the body were encoded as HTML entities (&quot;).", RAW, _text(html.unescape)),
    ("The body was URL-encoded.", RAW, _text(unquote_plus)),
    ("The body was URL-encoded.", RAW, unquote_to_bytes),
    ("The body was URL-decoded.", RAW, lambda body: quote_plus(body).encode()),
    ("The body was URL-decoded.", RAW, lambda body: quote(body, safe="").encode()),
    ("The body was compressed on the way.", RAW, _unpacked),
    ("The body was encoded in base64.", WRAPPED, lambda body: base64.b64decode(body.strip(), validate=True)),
    ("The body was wrapped as a JSON string in quotes.", WRAPPED, _as_string),
)


def _unwrapped(body: bytes) -> Iterator[Change[bytes]]:
    """Yield the fields of a form or of a gateway's JSON that may hold the body."""
    for name, value in _form(body):
        yield Change(value.encode(), f"The body was sent as the field {_short(name)} of a form.", WRAPPED)
    for name, value in _members(body):
        if isinstance(value, str) and name.lower() in WRAPPER_FIELDS:
            yield from _inner(value, f"The body was sent inside another JSON document, as its field {name!r}")


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
    """Quote the name of a form's field, unless it may itself be part of a body."""
    return repr(name) if name.isidentifier() and len(name) < 30 else "without a name"  # noqa: PLR2004 - of a name
