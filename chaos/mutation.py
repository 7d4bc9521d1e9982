"""Inputs that no platform sends: recorded requests with bytes, headers, lengths and encodings changed at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

FIXTURES = Path(__file__).parents[1] / "tests/fixtures"
ODD = (b"\0", b"\xff", b"\r\n", b"\xed\xa0\x80", b"%00", b"{" * 500, b"9" * 400, b'"' * 20, "\u202e".encode())
SHOPS = "".join(
    f'[shops.{name}]\nplatform = "{name}"\nsecrets = ["chaos"]\ninstance_key = "chaos001"\n'
    for name in ("shopify", "woocommerce")
)
METHODS = ("GET", "PUT", "OPTIONS", "DELETE", "PATCH", "HEAD")

Request = tuple[str, str, dict[str, str], bytes]  # method, path, headers, body


def recorded() -> list[Request]:
    """Return every fixture as the request that it was."""
    return [
        (
            "POST",
            f"/webhooks/{folder.parent.name}/{folder.parent.name}",
            headers_of(folder),
            (folder / "body.raw").read_bytes(),
        )
        for folder in sorted(FIXTURES.glob("*/*/"))
        if (folder / "body.raw").exists()
    ]


def headers_of(folder: Path) -> dict[str, str]:
    """Return the headers that a fixture was sent with."""
    headers: dict[str, str] = json.loads((folder / "headers.json").read_text())
    return headers


def mutated(request: Request, chance: random.Random) -> Request:
    """Return the request with one to four changes, one of them in the body, so that its signature is invalid."""
    method, path, headers, body = request
    changed = method, path, dict(headers), _spoilt(body, chance)
    for _ in range(chance.randrange(4)):
        changed = chance.choice(CHANGES)(changed, chance)
    return changed


def on_the_wire(request: Request) -> bytes:
    """Return the request's bytes, with the length that its body has."""
    method, path, headers, body = request
    lines = [f"{method} {path} HTTP/1.1", "Host: chaos", *(f"{name}: {value}" for name, value in headers.items())]
    kept = [line for line in lines if not line.lower().startswith(("host:", "content-length:")) or line == lines[1]]
    return "\r\n".join([*kept, "Connection: close", f"Content-Length: {len(body)}", "", ""]).encode() + body


def _spoilt(body: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(body) + 1)
    match chance.randrange(5):
        case 0:
            return body[:at] + chance.choice(ODD) + body[at:]
        case 1:
            return body[:at] if at < len(body) else body + b" "
        case 2:
            return body + bytes([chance.randrange(256)])
        case 3:
            return chance.randbytes(chance.randrange(1, 600))
        case _:
            return body[:at] + bytes([(body[at : at + 1] or b"x")[0] ^ 1]) + body[at + 1 :]


def _method(request: Request, chance: random.Random) -> Request:
    return chance.choice(METHODS), *request[1:]


def _path(request: Request, chance: random.Random) -> Request:
    at = chance.randrange(1, len(request[1]) + 1)
    odd = chance.choice(("/", "//", "..", "%2e%2e", "%00", "%ff", "?x=1", ";", "é", "a" * 3000))
    return request[0], request[1][:at] + odd + request[1][at:], *request[2:]


def _header_gone(request: Request, chance: random.Random) -> Request:
    headers = dict(request[2])
    if headers:
        del headers[chance.choice(sorted(headers))]
    return (*request[:2], headers, request[3])


def _header_odd(request: Request, chance: random.Random) -> Request:
    name = chance.choice(sorted(request[2]) or ["X"])
    odd = ("", " ", "a" * 5000, "é", "\x7f", "=" * 44, "AAAA", "sha256=", "ÿ" * 100, "0", "-1", "1e9", "gzip", "\t")
    return (*request[:2], {**request[2], name: chance.choice(odd)}, request[3])


def _header_more(request: Request, chance: random.Random) -> Request:
    more = {f"X-{chance.randrange(10**6)}": "y" * chance.randrange(200) for _ in range(chance.randrange(60))}
    return (*request[:2], {**request[2], **more}, request[3])


CHANGES: tuple[Callable[[Request, random.Random], Request], ...] = (
    _method, _path, _header_gone, _header_odd, _header_odd, _header_more,
)  # fmt: skip
