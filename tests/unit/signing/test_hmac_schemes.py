"""BodyHmac against published vectors and openssl's digests, and every request that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_app.errors import BadSignatureError
from webhook_app.platforms import all_platforms
from webhook_app.signing.hmac_schemes import BodyHmac

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.platforms.base import Platform

BASE64, HEX = BodyHmac(("x-signature", "signature")), BodyHmac(("x-signature",), encoding="hex")
SHOPIFY, WOOCOMMERCE = all_platforms()["shopify"], all_platforms()["woocommerce"]

# printf '{"id":1}' | openssl dgst -sha256 -hmac SECRET -binary | openssl base64 (or -r for hex)
BODY = b'{"id":1}'
NEW_SECRET, OLD_SECRET = "new-secret", "old-secret"
BY_NEW = "+IQCwsBmpBptlAMPjeH8vNHQdQwdK6ob17WrmGcC9fA="
BY_OLD = "qXaXF9OTa4KVT4q1mXmUiw6VbACWU+C0YHPPj4R7xN4="
BY_NEW_IN_HEX = "f88402c2c066a41a6d94030f8de1fcbcd1d0750c1d2baa1bd7b5ab986702f5f0"

# sqlpage/SQLPage tests/sql_test_files/data/hmac_shopify_webhook.sql (MIT)
SHOPIFY_VECTOR = (
    SHOPIFY,
    "test-webhook-secret",
    b'{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}',
    {"x-shopify-hmac-sha256": "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw="},
)
# woocommerce/woocommerce plugins/woocommerce/tests/legacy/unit-tests/webhooks/crud.php: the secret is empty
WOOCOMMERCE_VECTOR = (
    WOOCOMMERCE,
    "",
    b"secret",
    {"x-wc-webhook-signature": "GBDo00G55h6IiV+6CxqivQPLbI//KzaOZm747971tPs="},
)
vectors = pytest.mark.parametrize(
    ("platform", "secret", "body", "headers"), [SHOPIFY_VECTOR, WOOCOMMERCE_VECTOR], ids=["shopify", "woocommerce"]
)
ODD_TEXT = st.text(st.characters(), max_size=60)


def refusal(verify: Callable[..., Any], *args: Any) -> BadSignatureError:
    with pytest.raises(BadSignatureError) as refused:
        verify(*args)
    return refused.value


def signed_headers(**headers: str) -> dict[str, str]:
    """Headers of a Shopify request that is signed, with the given headers on top."""
    return {"x-shopify-hmac-sha256": BY_NEW, **{name.replace("_", "-"): value for name, value in headers.items()}}


# https://github.com/shopware/app-php-sdk tests/Authentication (MIT): secret, message, hex digest.
HEX_VECTORS = [
    (
        "my-secret",
        b"shop-id=123&shop-url=https://my-shop.com&timestamp=1234567890",
        "96c91f86c822e11444b7a57b54ef125ed86b1a639c5360d45c5397daa8c3f70b",
    ),
    ("secret", b"body", "dc46983557fea127b43af721467eb9b3fde2338fe3e14f51952aa8478c13d355"),
    ("secret", b"test=1", "9dd645162c4599f510a88a716a3aac9934c46d2964811e3efcdc53b4b672fe1c"),
    ("test", b"testtest.detest", "a1a38c9580bb3bcd0df226086a9783ba4087671ce4968a4469e451c517fff445"),
    ("test", b"test", "88cd2108b5347d973cf39cdf9053d7dd42704876d8c9a9bd8e2d168259d3ddf7"),
]


@pytest.mark.parametrize(("secret", "message", "digest"), HEX_VECTORS)
def test_hex_vector_passes(secret: str, message: bytes, digest: str) -> None:
    """A published vector in hex is accepted, in either case."""
    signature = BodyHmac(("x-signature",), encoding="hex")
    for given_digest in (digest, digest.upper()):
        signature.verify(message, {"x-signature": given_digest}, [secret])


@vectors
def test_vector_passes(platform: Platform, secret: str, body: bytes, headers: dict[str, str]) -> None:
    """A published vector of the platform is accepted."""
    platform.signature.verify(body, headers, [secret])


@vectors
def test_vector_is_reproduced(platform: Platform, secret: str, body: bytes, headers: dict[str, str]) -> None:
    """sign() writes the header that the platform published."""
    assert platform.signature.sign(body, secret) == headers


@vectors
@pytest.mark.parametrize("change", [lambda body: body + b" ", lambda body: b" " + body, lambda body: body[:-1]])
def test_changed_body_fails(
    platform: Platform, secret: str, body: bytes, headers: dict[str, str], change: Callable[[bytes], bytes]
) -> None:
    """One byte more or less is a mismatch."""
    assert refusal(platform.signature.verify, change(body), headers, [secret]).reason == "signature_mismatch"


@vectors
def test_missing_header_fails(platform: Platform, secret: str, body: bytes, headers: dict[str, str]) -> None:
    """Without its header a request is refused by the name of that header."""
    refused = refusal(platform.signature.verify, body, {}, [secret])
    assert (refused.reason, next(iter(headers)) in refused.hint) == ("signature_missing", True)


@vectors
def test_wrong_secret_fails(platform: Platform, secret: str, body: bytes, headers: dict[str, str]) -> None:
    """A secret that differs in one character is a mismatch."""
    assert refusal(platform.signature.verify, body, headers, [secret + "x"]).reason == "signature_mismatch"


@pytest.mark.parametrize(
    ("secret", "body", "digest"),
    [
        (NEW_SECRET, b"", "Q+erifAsIQxqB9j76lM5meuRC98YxCruvPlAbCcw2iQ="),
        (NEW_SECRET, b"\x00\xff\xfe", "5qiCWlw6TXPwBa7ILxywFL0wrp3I43py/AiYyJ4VUEk="),
        ("sécret €", BODY, "8FywwRWNwxNdnShc/m0QAhrR/bHxVB60JLj8tw5IOtY="),
    ],
    ids=["empty body", "body that is no text", "secret beyond ASCII"],
)
def test_bytes_as_openssl_signs_them(secret: str, body: bytes, digest: str) -> None:
    """The raw bytes are signed, whatever they are, with the secret in UTF-8."""
    BASE64.verify(body, {"x-signature": digest}, [secret])


@pytest.mark.parametrize(("digest", "place"), [(BY_NEW, 0), (BY_OLD, 1)], ids=["newest", "rotated"])
def test_any_of_several_secrets_passes(digest: str, place: int) -> None:
    r"""While a secret is rotated, requests signed with either secret pass, and verify\(\) returns its index."""
    assert BASE64.verify(BODY, {"x-signature": digest}, [NEW_SECRET, OLD_SECRET]) == place


def test_decoded_secret_has_the_place_of_the_configured_one() -> None:
    """The index is that of the configured secret, also where the platform decodes it before signing."""
    reversing = BodyHmac(("x-signature",), decode=lambda secret: secret[::-1])
    headers = reversing.sign(BODY, OLD_SECRET)
    assert reversing.verify(BODY, headers, [NEW_SECRET, OLD_SECRET]) == 1


def test_without_secrets_everything_is_refused() -> None:
    """Without any secret every request is refused."""
    assert refusal(BASE64.verify, BODY, {"x-signature": BY_NEW}, []).reason == "signature_mismatch"


@pytest.mark.parametrize(
    "headers",
    [{"x-signature": BY_NEW}, {"signature": BY_NEW}, {"x-signature": "", "signature": BY_NEW}],
    ids=["first name", "second name", "first name is empty"],
)
def test_header_under_any_of_its_names(headers: dict[str, str]) -> None:
    """A digest is found under each of the names a platform uses."""
    BASE64.verify(BODY, headers, [NEW_SECRET])


def test_first_name_decides() -> None:
    """A wrong digest under the first name is not rescued by a right one under the second."""
    headers = {"x-signature": BY_OLD, "signature": BY_NEW}
    assert refusal(BASE64.verify, BODY, headers, [NEW_SECRET]).reason == "signature_mismatch"


@pytest.mark.parametrize("given", [BY_NEW_IN_HEX, BY_NEW_IN_HEX.upper()])
def test_hex_passes_in_either_case(given: str) -> None:
    """A platform that sends hex may write it in capitals."""
    HEX.verify(BODY, {"x-signature": given}, [NEW_SECRET])


@pytest.mark.parametrize(
    ("signature", "given", "secret", "sentence"),
    [
        (BASE64, BY_NEW_IN_HEX, NEW_SECRET, "The signature is a hex digest, but this platform signs in base64"),
        (HEX, BY_NEW, NEW_SECRET, "The signature is a base64 digest, but this platform signs in hex"),
        (BASE64, f"{BY_NEW},{BY_NEW}", NEW_SECRET, "The signature header was sent more than once"),
        (BASE64, f"{BY_OLD}, {BY_NEW}", NEW_SECRET, "The signature header was sent more than once"),
        (HEX, f"{BY_NEW_IN_HEX},{BY_NEW_IN_HEX}", NEW_SECRET, "The signature header was sent more than once"),
        (BASE64, f"sha256={BY_NEW}", NEW_SECRET, "The signature has a prefix such as sha256="),
        (BASE64, f"SHA256: {BY_NEW_IN_HEX}", NEW_SECRET, "The signature has a prefix such as sha256="),
        (HEX, f"sha256={BY_NEW_IN_HEX}", NEW_SECRET, "The signature has a prefix such as sha256="),
        (BASE64, f'"{BY_NEW}"', NEW_SECRET, "The signature is in quotes"),
        (BASE64, BY_NEW.replace("+", "-").replace("/", "_"), NEW_SECRET, "The signature is in URL-safe base64"),
        (BASE64, BY_NEW[:-1].replace("+", "-"), NEW_SECRET, "The signature is in URL-safe base64"),
        (BASE64, BY_NEW[:-1], NEW_SECRET, "The signature lacks the = at its end"),
        (BASE64, f"{BY_NEW}," * 100, NEW_SECRET, "The signature does not match"),
        (
            BASE64,
            BY_NEW,
            f" {NEW_SECRET}\n",
            "The signature matches once white space around the configured secret is removed",
        ),
        (
            HEX,
            BY_NEW_IN_HEX,
            f"{NEW_SECRET}\t",
            "The signature matches once white space around the configured secret is removed",
        ),
        (
            BASE64,
            BY_OLD,
            NEW_SECRET,
            "The signature does not match: the configured secret is not this webhook's secret",
        ),
        (
            BASE64,
            "nonsense",
            NEW_SECRET,
            "The signature does not match: the configured secret is not this webhook's secret",
        ),
    ],
)
def test_mismatch_hints_at_its_cause(signature: BodyHmac, given: str, secret: str, sentence: str) -> None:
    """The hint names what to correct."""
    assert refusal(signature.verify, BODY, {"x-signature": given}, [secret]).hint.startswith(sentence)


@pytest.mark.parametrize("secret", ["&#1;", "&#x1;&#2;", "&#32;", "&nbsp;", "&#8203;", "&ZeroWidthSpace;&NewLine;"])
def test_secret_that_decodes_to_nothing_is_refused(secret: str) -> None:
    """WooCommerce would sign with an empty key, with which anyone can sign."""
    assert "empty once the platform has decoded" in str(WOOCOMMERCE.signature.problem_with(secret))


@pytest.mark.parametrize("secret", ["\u200b", "\u00ad\u2060", " \ufeff"])
@pytest.mark.parametrize("platform", [SHOPIFY, WOOCOMMERCE], ids=["shopify", "woocommerce"])
def test_invisible_secret_is_refused(platform: Platform, secret: str) -> None:
    """A secret without a visible character is an empty one that was pasted with something invisible."""
    assert "is empty: it has no visible character" in str(platform.signature.problem_with(secret))


@pytest.mark.parametrize("secret", ["a", "&amp;", "&#1;a", "é", "a b", "&"])
def test_visible_secret_is_usable(secret: str) -> None:
    """Any other text can be a key, special characters included."""
    assert [platform.signature.problem_with(secret) for platform in (SHOPIFY, WOOCOMMERCE)] == [None, None]


def test_untrimmed_secret_is_refused() -> None:
    """A secret that would match without white space is named in the hint, and the request is refused all the same."""
    assert refusal(BASE64.verify, BODY, {"x-signature": BY_NEW}, [NEW_SECRET + " "]).reason == "signature_mismatch"


@pytest.mark.parametrize("given", ["é" * 44, "€", "\ud800", BY_NEW + "\udcff", "\x00", "\uff2b" + BY_NEW[1:], " "])
@pytest.mark.parametrize("signature", [BASE64, HEX], ids=["base64", "hex"])
def test_odd_header_text_is_a_mismatch(signature: BodyHmac, given: str) -> None:
    """Text that no digest could be is refused like a wrong digest."""
    assert refusal(signature.verify, BODY, {"x-signature": given}, [NEW_SECRET]).reason == "signature_mismatch"


@pytest.mark.parametrize("given", [BY_NEW[:-1], BY_NEW + "=", BY_NEW + " ", f'"{BY_NEW}"', f"sha256={BY_NEW}"])
def test_digest_must_be_exact(given: str) -> None:
    """A right digest with anything added or removed is a mismatch."""
    assert refusal(BASE64.verify, BODY, {"x-signature": given}, [NEW_SECRET]).reason == "signature_mismatch"


def test_refusal_reveals_no_secret() -> None:
    """Neither reason nor hint holds a secret, the digest or the body."""
    refused = refusal(BASE64.verify, BODY, {"x-signature": BY_OLD}, [f" {NEW_SECRET}"])
    assert not any(secret in f"{refused} {refused.hint}" for secret in (NEW_SECRET, BY_OLD, BY_NEW, BODY.decode()))


@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from([BASE64, HEX]))
def test_sign_and_verify_agree(body: bytes, secret: str, signature: BodyHmac) -> None:
    """What sign() writes, verify() accepts."""
    signature.verify(body, signature.sign(body, secret), [secret])


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(["x-signature", "signature"]), ODD_TEXT), st.booleans())
def test_verify_raises_nothing_else(body: bytes, headers: dict[str, str], hexadecimal: bool) -> None:
    """Any bytes and any header texts end in BadSignatureError, never in another exception."""
    assert refusal((HEX if hexadecimal else BASE64).verify, body, headers, [NEW_SECRET, " s ", "é"])


@given(
    st.sampled_from([SHOPIFY, WOOCOMMERCE]),
    st.binary(max_size=200),
    st.data(),
    st.booleans(),
)
def test_platform_verify_raises_nothing_else(
    platform: Platform, body: bytes, data: st.DataObject, signed: bool
) -> None:
    """Any bytes and any header texts, signed or not, are an envelope or BadSignatureError, never another exception."""
    names = [*platform.topic_headers, *platform.identity_headers, *platform.domain_headers, *platform.stored_headers]
    headers = data.draw(st.dictionaries(st.sampled_from([*names, "cookie"]), ODD_TEXT))
    try:
        signature = platform.signature.sign(body, NEW_SECRET) if signed else {}
        envelope = platform.verify(body, {**headers, **signature}, [NEW_SECRET])
    except BadSignatureError as refused:
        assert refused.reason in {"signature_missing", "topic_missing", "not_a_webhook"}  # noqa: PT017 - either end is right
    else:
        assert envelope.topic.isascii()


@pytest.mark.parametrize(
    "topic",
    [None, "", " ", "my topic", "orders/cré", "my\ntopic", "\ud800", "x" * 129],
    ids=["missing", "empty", "blank", "space", "accent", "newline", "surrogate", "too long"],
)
def test_topic_must_be_printable(topic: str | None) -> None:
    """A signed request without a usable topic is refused as topic_missing."""
    headers = signed_headers() if topic is None else signed_headers(x_shopify_topic=topic)
    assert refusal(SHOPIFY.verify, BODY, headers, [NEW_SECRET]).reason == "topic_missing"


def test_headers_that_were_repeated_unchanged_count_once() -> None:
    """A proxy that sends each header twice makes no topic without an event, and no other shop's address."""
    headers = signed_headers(
        x_shopify_topic="orders/create, orders/create", x_shopify_shop_domain="a.example,a.example"
    )
    envelope = SHOPIFY.verify(BODY, headers, [NEW_SECRET])
    assert (envelope.topic, envelope.domain) == ("orders/create", "a.example")
    both = SHOPIFY.verify(BODY, signed_headers(x_shopify_topic="orders/create,orders/paid"), [NEW_SECRET])
    assert both.topic == "orders/create,orders/paid"


@pytest.mark.parametrize("body", [b"", b"[]", b' {"id":1}', b'\xef\xbb\xbf{"id":1}', b"shop=a.myshopify.com"])
def test_what_is_signed_for_another_purpose(body: bytes) -> None:
    """A signed text that does not begin as a webhook does is refused by name, and WooCommerce signs nothing else."""
    headers = {**SHOPIFY.signature.sign(body, NEW_SECRET), "x-shopify-topic": "shop/redact"}
    assert refusal(SHOPIFY.verify, body, headers, [NEW_SECRET]).reason == "not_a_webhook"
    headers = {**WOOCOMMERCE.signature.sign(body, NEW_SECRET), "x-wc-webhook-topic": "order.created"}
    assert WOOCOMMERCE.verify(body, headers, [NEW_SECRET]).topic == "order.created"


def test_signature_comes_before_topic() -> None:
    """The topic is checked only after the signature."""
    assert refusal(SHOPIFY.verify, BODY, {}, [NEW_SECRET]).reason == "signature_missing"


@pytest.mark.parametrize("header", ["x-shopify-topic", "shopify-topic"])
def test_topic_under_either_name(header: str) -> None:
    """The topic is found with and without the X-."""
    assert SHOPIFY.verify(BODY, {**signed_headers(), header: "orders/paid"}, [NEW_SECRET]).topic == "orders/paid"


DIGEST = "a0440f10a9bbdcb1fa832a630294c6fcebf055159f3b31c6a106e4f63a8bcf02"


def test_an_unsigned_id_is_no_identity() -> None:
    """Shopify's webhook id is not signed: another one makes no other delivery, and the same one no duplicate."""
    headers = signed_headers(x_shopify_topic="orders/create", x_shopify_webhook_id="b54557e4")
    envelope = SHOPIFY.verify(BODY, headers, [NEW_SECRET])
    assert (envelope.identity, envelope.former_identity) == (DIGEST, "b54557e4")


@pytest.mark.parametrize("webhook_id", [None, "", "a b", "é", "\ud800", "x" * 129])
def test_identity_falls_back_to_a_digest(webhook_id: str | None) -> None:
    """Without a usable id, the SHA-256 of topic, a zero byte and body is used (sha256sum)."""
    optional = {} if webhook_id is None else {"x_shopify_webhook_id": webhook_id}
    headers = signed_headers(x_shopify_topic="orders/create", **optional)
    envelope = SHOPIFY.verify(BODY, headers, [NEW_SECRET])
    assert (envelope.identity, envelope.former_identity) == (DIGEST, None)


def test_woocommerce_delivery_id_is_no_identity() -> None:
    """Different WooCommerce orders share a delivery id, so it does not identify one."""
    headers = {
        "x-wc-webhook-signature": BY_NEW,
        "x-wc-webhook-topic": "orders/create",
        "x-wc-webhook-delivery-id": "7d03c90d",
    }
    assert WOOCOMMERCE.verify(BODY, headers, [NEW_SECRET]).identity.startswith("a0440f10a9bbdcb1")


def test_envelope_has_only_the_stored_headers() -> None:
    """Cookies, addresses and the signature itself are not stored."""
    headers = signed_headers(x_shopify_topic="orders/create", cookie="session=1", x_forwarded_for="10.0.0.1")
    assert SHOPIFY.verify(BODY, headers, [NEW_SECRET]).headers == {"x-shopify-topic": "orders/create"}


def test_domain_is_cut() -> None:
    """A sender's address of any length fits the store."""
    headers = signed_headers(x_shopify_topic="orders/create", x_shopify_shop_domain="a" * 300)
    assert len(SHOPIFY.verify(BODY, headers, [NEW_SECRET]).domain) == 255


@pytest.mark.parametrize(
    ("body", "headers", "is_ping"),
    [
        (b"webhook_id=12", {}, True),
        (b"webhook_id=12\n", {}, False),
        (b"webhook_id=", {}, False),
        (b"webhook_id=12&x=1", {}, False),
        (b"webhook_id=12", {"x-wc-webhook-topic": "order.created"}, False),
        (b"", {}, False),
    ],
)
def test_woocommerce_ping(body: bytes, headers: dict[str, str], is_ping: bool) -> None:
    """Only WooCommerce's exact unsigned ping is recognised."""
    assert WOOCOMMERCE.is_ping(body, headers) is is_ping


def test_shopify_has_no_ping() -> None:
    """A ping of WooCommerce is an unsigned request to Shopify."""
    assert not SHOPIFY.is_ping(b"webhook_id=12", {})
