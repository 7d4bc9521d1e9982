"""verify: every common mishap is done to a real request, by other means than ours, and must be named."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import html
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote_plus, urlencode

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import ASKED, EVERY, RECEIVED_AT, SIGNED, Asked, Recorded
from webhook_app.cli import main
from webhook_app.config import shops
from webhook_app.errors import UnreadableHeadersError
from webhook_app.platforms import all_platforms
from webhook_app.signature_check import Configuration, Diagnosis, diagnose, diagnose_query, query_of
from webhook_app.signature_check.header_files import headers_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET, OLD, OTHERS, SALT = "first-Secret&1", "older-secret", "globex-secret", "the-salt-of-acme"
# base64 of: the-key-of-umbrella-in-32-bytes!
KEY = "dGhlLWtleS1vZi11bWJyZWxsYS1pbi0zMi1ieXRlcyE="
SHOPS = f"""
[shops.acme]
platform = "shopify"
secrets = ["{SECRET}", "{OLD}"]
instance_key = "1234abcd"
profile_salt = "{SALT}"

[shops.globex]
platform = "shopify"
secrets = ["{OTHERS}"]
instance_key = "5678abcd"

[shops.initech]
platform = "woocommerce"
secrets = ["initech-secret"]
instance_key = "5678abcd"

[shops.umbrella]
platform = "standard"
secrets = ["whsec_{KEY}"]
instance_key = "5678abcd"
"""
# What the platform signed: Shopify's way of writing JSON, with what tells one way from another.
ORDER = (
    '{"id":820982911946154508,"zeta":"Zoë","alpha":10.50,"url":"https://a.example/x","note":"a\\u0026b <c>","n":null}'
)
ORDERED: dict[str, Any] = json.loads(ORDER)


ARRIVED = RECEIVED_AT.timestamp()


def known(one: Recorded) -> Configuration:
    """The platforms, and the one shop that a fixture is for."""
    return Configuration({"fixture": one.shop}, all_platforms())


def digest(body: bytes, secret: str = SECRET, way: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), body, way).digest()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def told(body: bytes, proof: str, header: str = "x-shopify-hmac-sha256", shop: str = "acme", **more: str) -> Diagnosis:
    """The diagnosis on `body`, arrived with that proof."""
    platforms = all_platforms()
    known = shops.parse(SHOPS, "SHOPS", platforms)
    headers = {"x-shopify-topic": "orders/create", header: proof, **{k.replace("_", "-"): v for k, v in more.items()}}
    return diagnose(body, headers, known[shop], Configuration(known, platforms))


def causes(diagnosis: Diagnosis) -> list[str]:
    return [finding.text for finding in diagnosis.findings if finding.verified]


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_a_genuine_request_proves_itself(one: Recorded) -> None:
    """What the receiver takes, pings included, has no fault."""
    assert not diagnose(one.body, one.headers, one.shop, known(one), ARRIVED).reason


@pytest.mark.parametrize("name", all_platforms())
def test_a_signature_knows_its_anatomy(name: str) -> None:
    """It signs with the first name of each carrier, at the time it is told, with any key written as a secret."""
    signature = all_platforms()[name].signature.with_clock_at(ARRIVED)
    secret = signature.encode_secret(bytes(range(100, 140)))
    headers = signature.sign(b"{}", secret)
    anatomy = signature.describe(headers)
    assert {names[0] for names in anatomy.headers} == set(headers)
    assert anatomy.sent_at in (None, ARRIVED)
    signature.verify(b"{}", headers, [secret])


@pytest.mark.parametrize("one", SIGNED[::6], ids=lambda one: one.name)
def test_a_line_end_is_found_on_every_platform(one: Recorded) -> None:
    """A new platform needs nothing of its own to be diagnosed."""
    diagnosis = diagnose(one.body + b"\n", one.headers, one.shop, known(one), ARRIVED)
    assert causes(diagnosis) == ["A line end was added behind the body."]


ACCENTS = '{"name":"Zoë Müller"}'
BODIES: dict[str, tuple[str, Callable[[str], bytes], str]] = {
    "line end": (ORDER, lambda sent: f"{sent}\n".encode(), "line end was added"),
    "windows line end": (ORDER, lambda sent: f"{sent}\r\n".encode(), "line end was added"),
    "white space": (ORDER, lambda sent: f"  {sent}\n\n".encode(), "White space was added"),
    "line end lost": (f"{ORDER}\n", lambda sent: sent.rstrip("\n").encode(), "behind the body was taken away"),
    "crlf": ('{\n"a": 1\n}', lambda sent: sent.replace("\n", "\r\n").encode(), "from LF into CRLF"),
    "lf": ('{\r\n"a": 1\r\n}', lambda sent: sent.replace("\r\n", "\n").encode(), "from CRLF into LF"),
    "bom": (ORDER, lambda sent: sent.encode("utf-8-sig"), "byte order mark (BOM) was put"),
    "bom lost": (
        "\ufeff" + ORDER,
        lambda sent: sent.removeprefix("\ufeff").encode(),
        "(BOM) before the body was taken",
    ),
    "nul": (ORDER, lambda sent: sent.encode() + b"\0\0", "NUL bytes"),
    "utf-16": (ORDER, lambda sent: sent.encode("utf-16"), "UTF-16"),
    "latin-1 twice": (ACCENTS, lambda sent: sent.encode().decode("latin-1").encode(), "letters such as ë became two"),
    "cp1252 twice": ('{"a":"\u00e0\u20ac"}', lambda sent: sent.encode().decode("cp1252", "ignore").encode(), "1252"),
    "into latin-1": (ACCENTS, lambda sent: sent.encode("latin-1"), "from UTF-8 into Latin-1"),
    "into cp1252": ('{"a":"\u20ac"}', lambda sent: sent.encode("cp1252"), "from UTF-8 into Windows-1252"),
    "decomposed": ('{"a":"\u00eb"}', lambda sent: sent.replace("\u00eb", "e\u0308").encode(), "taken apart"),
    "composed": ('{"a":"e\u0308"}', lambda sent: sent.replace("e\u0308", "\u00eb").encode(), "composed"),
    "html decoded": ('{"a":"b &amp; c &lt;d&gt;"}', lambda sent: html.unescape(sent).encode(), "entities were decoded"),
    "html encoded": (ORDER, lambda sent: html.escape(sent).encode(), "into HTML entities"),
    "url encoded": (ORDER, lambda sent: quote(sent).encode(), "URL-encoded"),
    "form encoded": (ORDER, lambda sent: quote_plus(sent).encode(), "URL-encoded"),
    "url decoded": (quote_plus('{"a":"b c"}'), lambda sent: unquote_plus(sent).encode(), "URL-decoded"),
    "form": (ORDER, lambda sent: urlencode({"payload": sent, "x": "y"}).encode(), "as the field 'payload'"),
    "gzip": (ORDER, lambda sent: gzip.compress(sent.encode()), "compressed"),
    "base64": (ORDER, lambda sent: base64.b64encode(sent.encode()), "put into base64"),
    "string": (ORDER, lambda sent: json.dumps(sent).encode(), "JSON string inside quotes"),
    "gateway": (ORDER, lambda sent: json.dumps({"path": "/", "body": sent}).encode(), "another JSON document"),
    "gateway, base64": (
        ORDER,
        lambda sent: json.dumps({"body": b64(sent.encode()), "isBase64Encoded": True}).encode(),
        "another JSON document, as its field 'body', in base64",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_changed_body_is_told(name: str) -> None:
    """What happened to the body on its way is named."""
    sent, mishap, words = BODIES[name]
    arrived = mishap(sent)
    assert arrived != sent.encode()
    [cause] = causes(told(arrived, b64(digest(sent.encode()))))
    assert words in cause


COMPACT = (",", ":")
ANEW: dict[str, tuple[str, str]] = {
    "python": (json.dumps(ORDERED), "a space after commas and colons, letters such as ë as \\u00eb"),
    "spaced": (json.dumps(ORDERED, ensure_ascii=False), "a space after commas and colons"),
    "php": (
        json.dumps(ORDERED, separators=COMPACT).replace("/", "\\/"),
        "without spaces, letters such as ë as \\u00eb, sl",
    ),
    "indented": (json.dumps(ORDERED, indent=2, ensure_ascii=False), "indented by two spaces"),
    "indented by four": (
        json.dumps(ORDERED, indent=4, ensure_ascii=False) + "\n",
        "four spaces, with a line end behind",
    ),
    "tabs": (json.dumps(ORDERED, indent="\t", ensure_ascii=False), "tabs"),
    "sorted": (json.dumps(ORDERED, separators=COMPACT, sort_keys=True, ensure_ascii=False), "keys sorted"),
    "rails": (
        json.dumps(ORDERED, separators=COMPACT, ensure_ascii=False)
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e"),
        "< > & as \\u003c",
    ),
}


@pytest.mark.parametrize("name", ANEW)
def test_json_written_anew_is_told(name: str) -> None:
    """A program in between parsed the JSON and wrote it its own way; how it was signed is named."""
    sent, words = ANEW[name]
    arrived = json.dumps(ORDERED, indent=3)
    [cause] = causes(told(arrived.encode(), b64(digest(sent.encode()))))
    assert "parsed and written anew" in cause
    assert words in cause


def test_numbers_stay_as_they_were_written() -> None:
    """10.50, 1e3 and an integer beyond 64 bits are not made anew."""
    sent = b'{"a":10.50,"b":1E3,"c":123456789012345678901234567890,"a":-0.0}'
    arrived = sent.replace(b",", b", ").replace(b":", b": ")
    assert causes(told(arrived, b64(digest(sent))))


BODY = ORDER.encode()
SECRETS: dict[str, tuple[str, str, str]] = {
    # what is configured, what the platform signs with, what is text
    "trimmed": ("secret \n", "secret", "white space around it is removed"),
    "quoted": ("'\"secret\"'", "secret", "quotes around it"),
    "curly quotes": ("\u201csecret\u201d", "secret", "quotes around it"),
    "no-break space": ("sec\u00a0ret", "secret", "invisible characters"),
    "whsec": ("whsec_secret", "secret", "prefix whsec_ before it is removed"),
    "whsec lost": ("secret", "whsec_secret", "prefix whsec_ is put before it"),
    "html encoded": ("a&amp;b&lt;", "a&b<", "entities (&amp;) are decoded"),
    "html decoded": ("a&b<", "a&amp;b&lt;", "written as HTML entities"),
    "url encoded": ("a%2Bb%26", "a+b&", "URL-decoded"),
    "in base64": (b64(b"raw secret bytes"), "raw secret bytes", "decoded from base64"),
    "whsec in base64": (f"whsec_{b64(b'raw secret bytes')}", "raw secret bytes", "decoded from base64"),
    "in hex": (b"raw secret".hex(), "raw secret", "decoded from hex"),
    "to base64": ("raw secret", b64(b"raw secret"), "encoded in base64"),
    "wordpress": ("a<b>c%2fd  e", "acd e", "WordPress does on saving"),
    "two lines": ("secret\nNAME=other", "secret", "first line"),
    "case": ("SECRET", "secret", "lower case"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_nearly_fits_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the configured secret differs from the real one is named, and neither is quoted."""
    configured, real, words = SECRETS[name]
    monkeypatch.setenv("CONFIGURED", configured)
    document = SHOPS.replace(f'["{SECRET}", "{OLD}"]', '["another-secret", "${CONFIGURED}"]')
    known = shops.parse(document, "SHOPS", all_platforms())
    headers = {"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": b64(digest(BODY, real))}
    diagnosis = diagnose(BODY, headers, known["acme"], Configuration(known, all_platforms()))
    [cause] = causes(diagnosis)
    assert words in cause
    assert cause.startswith("Secret 2 of 2")


def test_raw_key_bytes_that_are_no_text_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base64 secret may stand for any bytes."""
    key = bytes(range(240, 256)) + bytes(16)
    monkeypatch.setenv("CONFIGURED", f"whsec_{b64(key)}")
    known = shops.parse(SHOPS.replace(f'["{SECRET}", "{OLD}"]', '["${CONFIGURED}"]'), "SHOPS", all_platforms())
    proof = b64(hmac.new(key, BODY, "sha256").digest())
    headers = {"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": proof}
    assert "base64" in causes(diagnose(BODY, headers, known["acme"], Configuration(known, all_platforms())))[0]


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (OTHERS, "another shop: globex (shopify)"),
        ("initech-secret", "another shop: initech (woocommerce)"),
        (SALT, "profile_salt"),
        ("1234abcd", "instance key"),
        ("", "empty secret"),
    ],
)
def test_another_secret_is_told_by_whose_it_is(secret: str, words: str) -> None:
    """A secret of another shop, or for another purpose, is recognised and not quoted."""
    [cause] = causes(told(BODY, b64(digest(BODY, secret))))
    assert words in cause
    assert not secret or secret not in cause


RAW = digest(BODY)
PROOFS = {
    "hex": (RAW.hex(), "hex instead of base64"),
    "upper hex": (RAW.hex().upper(), "hex instead of base64"),
    "prefixed": (f"sha256={b64(RAW)}", "before the digest"),
    "prefixed hex": (f"sha256={RAW.hex()}", "hex instead of base64"),
    "quoted": (f'"{b64(RAW)}"', "quotes around it"),
    "url-safe": (base64.urlsafe_b64encode(RAW).decode().rstrip("="), "URL-safe base64"),
    "base64 of hex": (b64(RAW.hex().encode()), "hex digits were put into base64"),
    "sha1": (b64(digest(BODY, way="sha1")), "HMAC-SHA1"),
    "sha512": (digest(BODY, way="sha512").hex(), "HMAC-SHA512"),
    "plain sha256": (hashlib.sha256(BODY + SECRET.encode()).hexdigest(), "without HMAC"),
}


@pytest.mark.parametrize("name", PROOFS)
def test_a_digest_written_another_way_is_told(name: str) -> None:
    """The digest is right and its form is not."""
    proof, words = PROOFS[name]
    [cause] = causes(told(BODY, proof))
    assert words in cause


@pytest.mark.parametrize(("sent", "came"), [("+", " "), ("+", "%2B"), ("/", "%2F")])
def test_a_mangled_header_is_told(sent: str, came: str) -> None:
    """+ and / of base64 were taken for something else on the way."""
    body = next(text for text in (b'{"n":%d}' % number for number in range(99)) if sent in b64(digest(text)))
    [cause] = causes(told(body, b64(digest(body)).replace(sent, came)))
    assert "URL-" in cause


def test_a_renamed_header_is_told() -> None:
    """The proof came under another name."""
    [cause] = causes(told(BODY, b64(RAW), "x-hub-signature-256"))
    assert "x-hub-signature-256" in cause
    assert "x-shopify-hmac-sha256" in cause


def test_a_missing_header_is_told() -> None:
    """No proof at all: which header is missing."""
    diagnosis = told(BODY, "", "x-nothing")
    assert diagnosis.reason == "signature_missing"
    assert "has no x-shopify-hmac-sha256" in diagnosis.findings[0].text


def test_a_missing_topic_is_told() -> None:
    """The signature is right, the topic is not there."""
    diagnosis = told(BODY, b64(RAW), x_shopify_topic="")
    assert diagnosis.reason == "topic_missing"
    assert "x-shopify-topic" in causes(diagnosis)[0]


@pytest.mark.parametrize(
    ("body", "proof", "words"),
    [
        (BODY + b"\n", b64(digest(BODY, OTHERS)), ["line end", "another shop: globex"]),
        (BODY + b"\n", RAW.hex(), ["hex instead", "line end"]),
        (BODY, digest(BODY, OTHERS).hex(), ["hex instead", "another shop: globex"]),
    ],
)
def test_two_mishaps_at_once_are_told(body: bytes, proof: str, words: list[str]) -> None:
    """The first fault does not hide the second."""
    for cause, expected in zip(causes(told(body, proof)), words, strict=True):
        assert expected in cause


SIGNED_AT = 1_614_265_330
VIEW = b'{"type":"pageview","data":{"product_id":"7"}}'


def standard(key: bytes = base64.b64decode(KEY), body: bytes = VIEW, way: str = "sha256") -> dict[str, str]:
    """A Standard Webhook's headers, signed at SIGNED_AT."""
    signed = hmac.new(key, b"msg_1.%d." % SIGNED_AT + body, way).digest()
    return {"webhook-id": "msg_1", "webhook-timestamp": str(SIGNED_AT), "webhook-signature": f"v1,{b64(signed)}"}


def told_standard(headers: dict[str, str], body: bytes = VIEW, arrived: float | None = SIGNED_AT + 10) -> Diagnosis:
    platforms = all_platforms()
    known = shops.parse(SHOPS, "SHOPS", platforms)
    return diagnose(body, headers, known["umbrella"], Configuration(known, platforms), arrived)


RIGHT = standard()
STANDARD: dict[str, tuple[dict[str, str], bytes, str]] = {
    "body": (RIGHT, VIEW + b"\n", "line end was added"),
    "text as key": (standard(f"whsec_{KEY}".encode()), VIEW, "its text is the key"),
    "text behind whsec_ as key": (standard(KEY.encode()), VIEW, "prefix whsec_"),
    "another shop": (standard(OTHERS.encode()), VIEW, "another shop: globex (shopify)"),
    "hex": (
        {**RIGHT, "webhook-signature": f"v1,{base64.b64decode(RIGHT['webhook-signature'][3:]).hex()}"},
        VIEW,
        "hex instead of base64",
    ),
    "no version": ({**RIGHT, "webhook-signature": RIGHT["webhook-signature"][3:]}, VIEW, "prefix v1, is missing"),
    "svix": ({name.replace("webhook", "svix"): value for name, value in RIGHT.items()}, VIEW, "begin with svix-"),
    "sha512": (standard(way="sha512"), VIEW, "HMAC-SHA512"),
    "id lost": (
        {"x-webhook-id": "msg_1", **{name: RIGHT[name] for name in RIGHT if name != "webhook-id"}},
        VIEW,
        "x-webhook-id",
    ),
}


@pytest.mark.parametrize("name", STANDARD)
def test_standard_webhooks_are_explained(name: str) -> None:
    """Id and time are signed too, and the secret is base64."""
    headers, body, words = STANDARD[name]
    assert not told_standard(RIGHT).reason
    [cause] = causes(told_standard(headers, body))
    assert words in cause


@pytest.mark.parametrize(
    ("arrived", "words"),
    [(SIGNED_AT + 3600, "60 minutes old when it arrived"), (SIGNED_AT - 3600, "60 minutes ahead"), (None, "old now")],
)
def test_a_wrong_time_is_told(arrived: float | None, words: str) -> None:
    """Where nothing but the time is wrong; a recorded request is judged by when it arrived."""
    diagnosis = told_standard(RIGHT, arrived=arrived)
    assert diagnosis.reason.startswith("timestamp_too_")
    assert words in causes(diagnosis)[0]


def test_an_old_request_is_searched_all_the_same() -> None:
    """The time does not hide what else is wrong."""
    diagnosis = told_standard(RIGHT, VIEW + b"\n", arrived=None)
    assert causes(diagnosis) == ["A line end was added behind the body."]
    assert any("old now" in finding.text for finding in diagnosis.findings if not finding.verified)


def test_another_platforms_request_is_told() -> None:
    """A WooCommerce webhook was pasted to a Shopify shop's URL."""
    diagnosis = told(BODY, b64(digest(BODY, "initech")), "x-wc-webhook-signature", x_wc_webhook_topic="order.created")
    assert any("headers of WooCommerce" in finding.text for finding in diagnosis.findings)


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        (BODY[:-5], {"content_length": str(len(BODY))}, "Content-Length"),
        (b"", {}, "empty"),
        (json.dumps({**dict.fromkeys("abcdefg", 1), "z": 2}).encode(), {}, "alphabetical"),
        (b'{"a":"\xef\xbf\xbd"}', {}, "U+FFFD"),
        (BODY, {"content_encoding": "gzip"}, "compressed"),
        (b'{"a":1}', {}, "None of the changes"),
    ],
)
def test_what_cannot_be_undone_is_doubted(body: bytes, more: dict[str, str], words: str) -> None:
    """Where nothing is proven, what is odd is text, and it is called that."""
    diagnosis = told(body, b64(digest(b"something else")), **more)
    assert any(words in finding.text for finding in diagnosis.findings)
    assert not causes(diagnosis)


@given(st.binary(max_size=300), st.text(max_size=80), st.text(max_size=40))
def test_nothing_breaks_it(body: bytes, proof: str, other: str) -> None:
    """Any body and any headers give a diagnosis."""
    assert told(body, proof, x_signature=other).reason


@pytest.mark.parametrize("one", ASKED, ids=lambda one: one.name)
def test_a_genuine_query_proves_itself(one: Asked) -> None:
    """What the receiver takes of a proxy has no fault."""
    assert not diagnose_query(one.signed, one.proxy, one.shop, known(one), ARRIVED).reason


QUERY_AT = 1_317_327_555


def signed_query(query: str, secret: str = SECRET) -> bytes:
    """A query with its signature behind it, made by hand: the pairs must be given sorted, and need no decoding."""
    proof = hmac.new(secret.encode(), query.replace("&", "").encode(), "sha256").hexdigest()
    return f"{query}&signature={proof}".encode()


PLAIN = f"logged_in_customer_id=&path_prefix=/apps/x&shop=a.example&term=mug&timestamp={QUERY_AT}"
GENUINE = signed_query(PLAIN)
QUERIES: dict[str, tuple[bytes, str]] = {
    "added": (GENUINE + b"&utm_source=mail", "parameter utm_source was added"),
    "blank dropped": (GENUINE.replace(b"logged_in_customer_id=&", b""), "logged_in_customer_id was dropped"),
    "html": (GENUINE.replace(b"&", b"&amp;"), "HTML entities"),
    "encoded twice": (GENUINE.replace(b"/", b"%252F"), "URL-encoded once more"),
    "encoded whole": (quote(GENUINE.decode(), safe="").encode(), "URL-encoded once more"),
    "another shop": (signed_query(PLAIN, OTHERS), "another shop: globex"),
    "salt": (signed_query(PLAIN, SALT), "profile_salt"),
}


def told_query(query: bytes, arrived: float | None = QUERY_AT) -> Diagnosis:
    platforms = all_platforms()
    shops_ = shops.parse(SHOPS, "SHOPS", platforms)
    assert platforms["shopify"].proxy
    return diagnose_query(query, platforms["shopify"].proxy, shops_["acme"], Configuration(shops_, platforms), arrived)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_explained(name: str) -> None:
    """What happened to a query on its way, or whose secret signed it."""
    query, words = QUERIES[name]
    assert not told_query(GENUINE).reason
    [cause] = causes(told_query(query))
    assert words in cause


def test_an_old_query_is_told() -> None:
    """A right signature, and a time that is not."""
    assert "60 minutes old when it arrived" in causes(told_query(GENUINE, QUERY_AT + 3600))[0]
    assert "--at" in told_query(GENUINE, None).findings[0].advice


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (b"", "has no signature"),
        (GENUINE.replace(b"signature=", b"hmac="), "app's own address"),
        (GENUINE.replace(b"mug", b"cup"), "None of the changes"),
    ],
)
def test_a_query_that_cannot_be_mended_is_told(query: bytes, words: str) -> None:
    """What is odd is text, and called that."""
    diagnosis = told_query(query)
    assert diagnosis.reason
    assert words in diagnosis.findings[0].text
    assert not causes(diagnosis)


@given(st.binary(max_size=200))
def test_no_query_breaks_it(query: bytes) -> None:
    """Any bytes give a diagnosis."""
    assert told_query(query).reason


@pytest.mark.parametrize(
    "text", ["a=1&b=2", "?a=1&b=2\n", "https://x.example/y?a=1&b=2#z", "/storefront/shopify/acme/search?a=1&b=2"]
)
def test_a_query_is_read_as_people_keep_it(text: str) -> None:
    """Alone, or as part of an address."""
    assert query_of(text) == b"a=1&b=2"


@pytest.mark.parametrize(
    "text",
    [
        "POST /x HTTP/1.1\r\nHost: a\r\nX-Proof:  abc=\r\n\r\n",
        "HTTP/2 200\nx-proof: abc=\n",
        "> POST / HTTP/1.1\n> X-Proof: abc=\n>\n",
        '{"X-Proof": "abc="}',
        '{"X-Proof": ["abc="]}',
        '[["Host", "a"], ["X-Proof", "abc="]]',
        '[{"name": "X-Proof", "value": "abc="}]',
        '{"headers": {"x-proof": "abc="}, "body": "..."}',
        '\ufeff{"HTTP_X_PROOF": "abc="}',
        "X-Proof: abc=\nX-Proof: second\n",
    ],
)
def test_headers_are_read_as_people_keep_them(text: str) -> None:
    """Files of curl, requests as text, and JSON of several makes."""
    assert headers_from(text)["x-proof"] == "abc="


@pytest.mark.parametrize("text", ["", "nothing", "{", '{"a": ', "[1, 2]", "{}", "[" * 100_000])
def test_what_holds_no_header_is_refused(text: str) -> None:
    """With a sentence, not with a traceback."""
    with pytest.raises(UnreadableHeadersError):
        headers_from(text)


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options for a request whose body got a line end."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    monkeypatch.setenv("SHOPS", SHOPS)
    (tmp_path / "headers").write_text(f"X-Shopify-Topic: orders/create\nX-Shopify-Hmac-Sha256: {b64(RAW)}\n")
    (tmp_path / "body").write_bytes(BODY)
    return ["verify", "--shop=acme", f"--headers={tmp_path / 'headers'}"]


def test_the_command_says_yes(recorded: list[str], tmp_path: Path) -> None:
    """A request that proves itself: exit code 0."""
    result = CliRunner().invoke(main, [*recorded, f"--body={tmp_path / 'body'}"])
    assert result.exit_code == 0
    assert "proves itself" in result.output


def test_the_command_says_why_not(recorded: list[str]) -> None:
    """Exit code 1, the cause and what to do; neither secret nor body nor digest is shown."""
    result = CliRunner().invoke(main, [*recorded, "--body=-"], input=BODY + b"\n")
    assert result.exit_code == 1
    assert "signature_mismatch" in result.output
    assert "Why:  A line end was added behind the body." in result.output
    assert "--data-binary" in result.output
    for hidden in (SECRET, OLD, OTHERS, SALT, "Zoë", b64(RAW), b64(digest(BODY + b"\n"))):
        assert hidden not in result.output


def test_the_command_takes_the_time_of_arrival(recorded: list[str], tmp_path: Path) -> None:
    """A request that was recorded long ago is judged as of then."""
    (tmp_path / "standard").write_text(json.dumps(RIGHT))
    given = ["verify", "--shop=umbrella", f"--headers={tmp_path / 'standard'}", "--body=-"]
    clock_finding = CliRunner().invoke(main, given, input=VIEW)
    assert clock_finding.exit_code == 1
    assert "--at" in clock_finding.output
    assert CliRunner().invoke(main, [*given, "--at=2021-02-25T15:02:20Z"], input=VIEW).exit_code == 0


def test_the_command_takes_a_query(recorded: list[str], tmp_path: Path) -> None:
    """Instead of headers and body; the other two would have nothing to do with it."""
    (tmp_path / "address").write_bytes(b"https://events.example.com/storefront/shopify/acme/search?" + GENUINE)
    query = f"--query={tmp_path / 'address'}"
    result = CliRunner().invoke(main, ["verify", "--shop=acme", query, "--at=2011-09-29T20:19:15Z"])
    assert result.exit_code == 0, result.output
    assert CliRunner().invoke(main, ["verify", "--shop=acme", query]).exit_code == 1
    assert "not both" in CliRunner().invoke(main, [*recorded, query]).output
    assert "no proxy" in CliRunner().invoke(main, ["verify", "--shop=initech", query]).output
    assert "--headers and --body" in CliRunner().invoke(main, ["verify", "--shop=acme"]).output


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--shop=acme", "--headers=-", "--body=-"], "Only one"),
        (["--shop=nobody", "--headers=-"], "known are acme, globex, initech, umbrella"),
        (["--shop=acme", "--headers=-"], "no header in it"),
    ],
)
def test_wrong_use_is_said(recorded: list[str], tmp_path: Path, changed: list[str], words: str) -> None:
    """Exit code 2 with what would have been right."""
    result = CliRunner().invoke(main, ["verify", f"--body={tmp_path / 'body'}", *changed], input=b"")
    assert result.exit_code == 2
    assert words in result.output
