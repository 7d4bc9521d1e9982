"""What an attacker may send, by kind: none of it may be stored."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from chaos import orders

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

MEBIBYTE = 1024 * 1024
GIANT = 8  # mebibytes; the receiver takes 5
ORDER = orders.make(99_000_000)
WEB_SOCKET = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n"


def attacks(chance: random.Random) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Return every kind once, with the pieces to send over one connection."""
    yield from _noise(chance)
    yield from _bodies()
    yield from _lengths()
    yield from _heads()
    yield from _signatures()


def _noise(chance: random.Random) -> Iterator[tuple[str, Iterable[bytes]]]:
    for size in (1, 10, 1000, 100_000):
        yield f"{size} random bytes", (chance.randbytes(size),)
    yield "random lines", (b"\r\n".join(chance.randbytes(30) for _ in range(50)) + b"\r\n\r\n",)
    yield "the beginning of TLS", (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(512),)
    yield "HTTP/2 by prior knowledge", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + chance.randbytes(60),)
    yield "a request spoilt in one place", (_flipped(orders.head(ORDER) + ORDER.body, chance),)
    yield "line ends", (b"\r\n" * 5000,)
    yield "zeros", (b"\0" * 5000,)


def _flipped(request: bytes, chance: random.Random) -> bytes:
    # Not in the head: another case of a letter there can leave the request genuine.
    at = chance.randrange(request.index(b"\r\n\r\n") + 4, len(request))
    return request[:at] + bytes([request[at] ^ (1 << chance.randrange(8))]) + request[at + 1 :]


def _bodies() -> Iterator[tuple[str, Iterable[bytes]]]:
    yield "a giant body", (_post(f"Content-Length: {GIANT * MEBIBYTE}"), *([b"a" * MEBIBYTE] * GIANT))
    yield "a giant body, in chunks", (_post("Transfer-Encoding: chunked"), *([_chunk(b"a" * MEBIBYTE)] * GIANT))
    yield "one chunk of a giant length", (_post("Transfer-Encoding: chunked"), b"FFFFFFFFFFFF\r\n", b"a" * 100_000)
    yield "ten thousand tiny chunks", (_post("Transfer-Encoding: chunked"), _chunk(b"a") * 10_000, b"0\r\n\r\n")
    yield "a chunk of no size", (_post("Transfer-Encoding: chunked"), b"zzz\r\nabc\r\n0\r\n\r\n")
    yield "a chunk of negative size", (_post("Transfer-Encoding: chunked"), b"-5\r\nabc\r\n0\r\n\r\n")
    yield "an endless extension of a chunk", (_post("Transfer-Encoding: chunked"), b"5;" + b"x" * MEBIBYTE)
    trailers = b"".join(b"X-%d: y\r\n" % number for number in range(20_000))
    yield "a flood of trailers", (_post("Transfer-Encoding: chunked"), b"1\r\na\r\n0\r\n" + trailers + b"\r\n")
    yield "chunks and a length", (_post("Transfer-Encoding: chunked", "Content-Length: 5"), b"0\r\n\r\n")
    yield "chunks, misspelt", (_post("Transfer-Encoding: xchunked"), b"0\r\n\r\n")
    yield "chunks twice", (_post("Transfer-Encoding: chunked, chunked"), b"0\r\n\r\n")
    yield "a compressed body", (_post("Content-Encoding: gzip", "Content-Length: 3"), b"\x1f\x8b\x08")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _lengths() -> Iterator[tuple[str, Iterable[bytes]]]:
    for length in ("-1", "+5", "5, 6", "1e3", "0x10", "5 5", "", "9" * 40, "٣"):
        yield f"a length of {length!r:.12}", (_post(f"Content-Length: {length}"), ORDER.body)
    yield "two lengths", (_post("Content-Length: 5", "Content-Length: 6"), ORDER.body)
    yield "a body cut short", (orders.head(ORDER), ORDER.body[:100])
    yield "a length that is too large", (orders.head(ORDER, len(ORDER.body) + 10), ORDER.body)
    yield "a length that is too small", (orders.head(ORDER, len(ORDER.body) - 10), ORDER.body)
    yield "no length", (_post(), ORDER.body)


def _heads() -> Iterator[tuple[str, Iterable[bytes]]]:
    yield "a thousand headers", (_post(*(f"X-{number}: y" for number in range(1000))),)
    yield "a giant header", (_post("X: " + "a" * MEBIBYTE),)
    yield "an endless head", (b"POST / HTTP/1.1\r\n", *([b"X-Flood: " + b"a" * 1000 + b"\r\n"] * 3000))
    yield "a giant name of a header", (_post("a" * 100_000 + ": x"),)
    for odd in ("no colon", "X\0: a", "X: a\0b", ": nameless", "X : a", " X: folded", "X: a\n\tb", "Héader: é"):
        yield f"a header {odd!r}", (_post(odd),)
    yield "a giant path", (b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",)
    for line in (
        "GET / HTTP/9.9", "GET / HTTP/0.9", "GET /", "/", "GET / HTTP/1.1 HTTP/1.1", "CONNECT 127.0.0.1:1 HTTP/1.1",
        "TRACE / HTTP/1.1", "GET http://127.0.0.1:1/ HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1",
        "GET //webhooks HTTP/1.1", "GET /../../etc/passwd HTTP/1.1", "GET /%00 HTTP/1.1", "GET /%ff%fe HTTP/1.1",
        "GET /webhooks/shopify/%2e%2e%2fx HTTP/1.1", "G\0T / HTTP/1.1", "get / HTTP/1.1", "X" * 5000 + " / HTTP/1.1",
    ):  # fmt: skip
        yield f"the line {line!r:.40}", (f"{line}\r\nHost: x\r\n\r\n".encode(),)
    yield "an upgrade to WebSocket", (b"GET / HTTP/1.1\r\nHost: x\r\n" + WEB_SOCKET + b"\r\n",)
    yield "a thousand requests at once", (b"GET /webhooks/shopify/chaos HTTP/1.1\r\nHost: x\r\n\r\n" * 1000,)


def _signatures() -> Iterator[tuple[str, Iterable[bytes]]]:
    right = ORDER.headers["X-Shopify-Hmac-Sha256"]
    for odd in (
        "", " ", "=", "AAAA", right[:-1], f"{right[:-2]}A=", right + right, right.swapcase(), f"sha256={right}",
        base64.b64decode(right).hex(), "a" * 8000, "é" * 44, "\x7f" * 44, f"{right}\t{right}", "None", "[]",
    ):  # fmt: skip
        yield f"the signature {odd!r:.20}", (_signed(odd), ORDER.body)
    yield "two signatures", (_signed(f"AAAA\r\nX-Shopify-Hmac-Sha256: {right}"), ORDER.body)


def _signed(signature: str) -> bytes:
    right = ORDER.headers["X-Shopify-Hmac-Sha256"].encode()
    return orders.head(ORDER).replace(right, signature.encode())


def _post(*headers: str) -> bytes:
    lines = [f"POST {orders.PATH} HTTP/1.1", "Host: chaos", "X-Shopify-Topic: orders/create", *headers, "", ""]
    return "\r\n".join(lines).encode()
