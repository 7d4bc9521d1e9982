"""Changes to a body: each is made by other means than the module's own, and must be named."""

from __future__ import annotations

import base64
import gzip
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote_plus, urlencode

import pytest

from tests.support.signatures import (
    ORDER,
    b64,
    diagnose_post,
    digest,
    verified_causes,
)

if TYPE_CHECKING:
    from collections.abc import Callable


ACCENTS = '{"name":"Zoë Müller"}'


BODIES: dict[str, tuple[str, Callable[[str], bytes], str]] = {
    "line end": (ORDER, lambda sent: f"{sent}\n".encode(), "line end was added"),
    "windows line end": (ORDER, lambda sent: f"{sent}\r\n".encode(), "line end was added"),
    "white space": (ORDER, lambda sent: f"  {sent}\n\n".encode(), "White space was added"),
    "line end lost": (f"{ORDER}\n", lambda sent: sent.rstrip("\n").encode(), "after the body was removed"),
    "crlf": ('{\n"a": 1\n}', lambda sent: sent.replace("\n", "\r\n").encode(), "from LF to CRLF"),
    "lf": ('{\r\n"a": 1\r\n}', lambda sent: sent.replace("\r\n", "\n").encode(), "from CRLF to LF"),
    "bom": (ORDER, lambda sent: sent.encode("utf-8-sig"), "byte order mark (BOM) was added"),
    "bom lost": (
        "\ufeff" + ORDER,
        lambda sent: sent.removeprefix("\ufeff").encode(),
        "(BOM) before the body was removed",
    ),
    "nul": (ORDER, lambda sent: sent.encode() + b"\0\0", "NUL bytes"),
    "utf-16": (ORDER, lambda sent: sent.encode("utf-16"), "UTF-16"),
    "latin-1 twice": (ACCENTS, lambda sent: sent.encode().decode("latin-1").encode(), "letters such as ë became two"),
    "cp1252 twice": ('{"a":"\u00e0\u20ac"}', lambda sent: sent.encode().decode("cp1252", "ignore").encode(), "1252"),
    "into latin-1": (ACCENTS, lambda sent: sent.encode("latin-1"), "from UTF-8 to Latin-1"),
    "into cp1252": ('{"a":"\u20ac"}', lambda sent: sent.encode("cp1252"), "from UTF-8 to Windows-1252"),
    "decomposed": ('{"a":"\u00eb"}', lambda sent: sent.replace("\u00eb", "e\u0308").encode(), "decomposed"),
    "composed": ('{"a":"e\u0308"}', lambda sent: sent.replace("e\u0308", "\u00eb").encode(), "composed (Unicode NFC)"),
    "html decoded": (
        '{"a":"b &amp; c &lt;d&gt;"}',
        lambda sent: html.unescape(sent).encode(),
        "HTML entities in the body were decoded",
    ),
    "html encoded": (ORDER, lambda sent: html.escape(sent).encode(), "encoded as HTML entities"),
    "url encoded": (ORDER, lambda sent: quote(sent).encode(), "URL-encoded"),
    "form encoded": (ORDER, lambda sent: quote_plus(sent).encode(), "URL-encoded"),
    "url decoded": (quote_plus('{"a":"b c"}'), lambda sent: unquote_plus(sent).encode(), "URL-decoded"),
    "form": (ORDER, lambda sent: urlencode({"payload": sent, "x": "y"}).encode(), "as the field 'payload' of a form"),
    "gzip": (ORDER, lambda sent: gzip.compress(sent.encode()), "compressed"),
    "base64": (ORDER, lambda sent: base64.b64encode(sent.encode()), "encoded in base64"),
    "string": (ORDER, lambda sent: json.dumps(sent).encode(), "as a JSON string in quotes"),
    "gateway": (ORDER, lambda sent: json.dumps({"path": "/", "body": sent}).encode(), "another JSON document"),
    "gateway, base64": (
        ORDER,
        lambda sent: json.dumps({"body": b64(sent.encode()), "isBase64Encoded": True}).encode(),
        "another JSON document, as its field 'body', in base64",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_change_is_named(name: str) -> None:
    """Each change that is made to a signed body is named as the cause."""
    sent, change, words = BODIES[name]
    arrived = change(sent)
    assert arrived != sent.encode()
    [cause] = verified_causes(diagnose_post(arrived, b64(digest(sent.encode()))))
    assert words in cause
