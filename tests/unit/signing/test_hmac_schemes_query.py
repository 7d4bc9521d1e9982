"""QueryHmac against Shopify's published vectors and openssl's digests, and every query that is refused."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webhook_app.errors import BadSignatureError
from webhook_app.signing.hmac_schemes import QueryHmac

SCHEME = QueryHmac(required=("shop",), single=("logged_in_customer_id",))
SECRET, SIGNED_AT = "hush", 1317327555
PLAIN = (
    b"extra=1&extra=2&shop=shop-name.myshopify.com&logged_in_customer_id=1"
    b"&path_prefix=%2Fapps%2Fawesome_reviews&timestamp=1317327555"
)
DIGEST = b"4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"
GENUINE = PLAIN + b"&signature=" + DIGEST
# https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies ; the older text names the shop.
VECTORS = [
    (PLAIN, DIGEST),
    (
        PLAIN.replace(b"customer_id=1", b"customer_id="),
        b"e072b6d7e6622d85912a5214b860d3100dc1e73d9bc29f43796ac8c9ff8093cb",
    ),
]
vectors = pytest.mark.parametrize(("query", "digest"), VECTORS, ids=["logged in", "not logged in"])


def refused(query: bytes, secrets: list[str] | None = None, now: float = SIGNED_AT) -> str:
    with pytest.raises(BadSignatureError) as refusal:
        SCHEME.verify(query, [SECRET] if secrets is None else secrets, now)
    return refusal.value.reason


@vectors
def test_vector_passes(query: bytes, digest: bytes) -> None:
    """What Shopify published is accepted, wherever in the query the signature stands, in either case."""
    for genuine in (query + b"&signature=" + digest, b"signature=" + digest.upper() + b"&" + query):
        parameters = SCHEME.verify(genuine, [SECRET], SIGNED_AT).parameters
        assert parameters["extra"] == "1,2"
        assert parameters["path_prefix"] == "/apps/awesome_reviews"
        assert "signature" not in parameters


@vectors
def test_vector_is_reproduced(query: bytes, digest: bytes) -> None:
    """sign() writes the signature that Shopify published."""
    assert SCHEME.sign(query, SECRET) == query + b"&signature=" + digest


def test_query_as_openssl_signs_it() -> None:
    """By printf %s 'shop=a.example' 'term=T€ &=+x' 'timestamp=1317327555' | openssl dgst -sha256 -hmac sécret -r."""
    digest = b"dfb05dbe5120dd80b5d9b227c68e795807d0617a847d3d3b1224e85f50d68a9e"
    query = b"timestamp=1317327555&term=T%E2%82%AC+%26%3d%2Bx&shop=a.example&signature=" + digest
    assert SCHEME.verify(query, ["sécret"], SIGNED_AT).parameters["term"] == "T€ &=+x"


@pytest.mark.parametrize("secrets", [["brand new", SECRET], [SECRET, "old"]])
def test_any_rotated_secret_passes(secrets: list[str]) -> None:
    """While the app's secret is rotated, queries signed with either pass, and the index of the secret is returned."""
    assert SCHEME.verify(GENUINE, secrets, SIGNED_AT).secret_index == secrets.index(SECRET)


def test_wrong_secret_fails() -> None:
    """With another secret, or none at all, every query is refused."""
    assert refused(GENUINE, ["hush "]) == "signature_mismatch"
    assert refused(GENUINE, []) == "signature_mismatch"


@pytest.mark.parametrize("seconds", [-90, 0, 90])
def test_within_90_seconds(seconds: int) -> None:
    """Clocks may differ by up to 90 seconds."""
    assert SCHEME.verify(GENUINE, [SECRET], SIGNED_AT + seconds)


@pytest.mark.parametrize(("seconds", "reason"), [(91, "timestamp_too_old"), (-91, "timestamp_too_new")])
def test_beyond_90_seconds_fails(seconds: int, reason: str) -> None:
    """A recorded query cannot be sent again later."""
    assert refused(GENUINE, now=SIGNED_AT + seconds) == reason


@pytest.mark.parametrize("name", ["signature", "timestamp", "shop"])
def test_missing_parameter_fails(name: str) -> None:
    """A missing parameter is named in the reason."""
    parts = [part for part in GENUINE.split(b"&") if not part.startswith(name.encode() + b"=")]
    assert refused(b"&".join(parts)) == f"{name}_missing"


@pytest.mark.parametrize("name", ["signature", "timestamp", "shop", "logged_in_customer_id"])
def test_repeated_parameter_fails(name: str) -> None:
    """A second value beside the platform's own is refused, although the platform signed both."""
    plain = PLAIN + f"&{name}=1".encode()
    assert refused(SCHEME.sign(plain, SECRET)) == f"{name}_repeated"
    encoded = PLAIN + "&{}=1".format(name.replace("i", "%69").replace("o", "%6F")).encode()
    assert refused(SCHEME.sign(encoded, SECRET)) == f"{name}_repeated"


def test_what_was_signed_cannot_be_split_elsewhere() -> None:
    """A visitor who chooses a=1logged_in_customer_id=42 becomes no customer: the digest is openssl's of that query."""
    text = b"a=1&logged_in_customer_id=42&logged_in_customer_id%3Dpath_prefix=/apps/tweakwise"
    signature = b"fe8fa4fe5f7954af7a220a1c8d67c08a42306182cd79527a7a0256e5b493197f"
    query = text + b"&shop=shop-name.myshopify.com&timestamp=1317327555&signature=" + signature
    assert refused(query) == "parameter_malformed"


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e9", "1317327555.0", "9" * 40, "%EF%BC%91", " 1317327555"])
def test_odd_timestamp_fails(timestamp: str) -> None:
    """A malformed timestamp is refused by name, even when it is signed."""
    query = SCHEME.sign(f"shop=a.example&timestamp={timestamp.replace(' ', '+')}".encode(), SECRET)
    assert refused(query) == "timestamp_malformed"


@pytest.mark.parametrize(
    "changed",
    [
        GENUINE + b"&x=1",
        GENUINE.replace(b"extra=2", b"extra=3"),
        GENUINE.replace(b"extra=1&extra=2", b"extra=2&extra=1"),
        GENUINE.replace(b"extra=1&extra=2&", b""),
        GENUINE[:-1],
        GENUINE + b"\n",
        GENUINE.replace(DIGEST, b""),
    ],
)
def test_changed_query_fails(changed: bytes) -> None:
    """Anything more, less or in another order among repeated values is not what was signed."""
    assert refused(changed) == "signature_mismatch"


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (b"term=rode+jas%20%26%3D%2B%25", {"term": "rode jas &=+%"}),
        ("term=T€".encode(), {"term": "T€"}),
        (b"term=%E2%82%AC&flag&=nameless&&", {"term": "€", "flag": "", "": "nameless"}),
        (b"term=%FF%00", {"term": "\ufffd\0"}),
    ],
)
def test_parameters_are_decoded(query: bytes, parameters: dict[str, str]) -> None:
    """What is not text is still signed as the bytes that it is."""
    genuine = SCHEME.sign(b"shop=a.example&timestamp=1317327555&" + query, SECRET)
    verified = SCHEME.verify(genuine, [SECRET], SIGNED_AT).parameters
    assert verified == {"shop": "a.example", "timestamp": "1317327555", **parameters}


def test_refusal_reveals_nothing_that_was_sent() -> None:
    """Neither reason nor hint holds a secret or a value."""
    for query in (GENUINE + b"&x=1", GENUINE + b"&shop=jan%40example.test", b"signature=x"):
        with pytest.raises(BadSignatureError) as refusal:
            SCHEME.verify(query, ["my-secret"], SIGNED_AT)
        text = f"{refusal.value} {refusal.value.hint}"
        assert not [word for word in ("my-secret", "jan", "myshopify", DIGEST.decode()) if word in text]


@given(query=st.binary(max_size=200), secret=st.text(max_size=20), now=st.floats(0, 4e9))
@example(query=b"signature=%&timestamp=%zz&shop=%", secret="\udcff", now=0.0)
def test_verify_raises_nothing_else(query: bytes, secret: str, now: float) -> None:
    """Any bytes end in BadSignatureError, never in another exception."""
    with pytest.raises(BadSignatureError):
        SCHEME.verify(query, [secret], now)


NAMES = st.sampled_from(["term", "a", "b", "profile_key", "é"])


@given(st.lists(st.tuples(NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=20)), max_size=5))
def test_whatever_is_signed_is_verified(pairs: list[tuple[str, str]]) -> None:
    """Any text is decoded to what was signed."""
    query = urlencode([("shop", "a.example"), ("timestamp", SIGNED_AT), *pairs]).encode()
    parameters = SCHEME.verify(SCHEME.sign(query, SECRET), [SECRET], SIGNED_AT).parameters
    for name in {name for name, _ in pairs}:
        assert parameters[name] == ",".join(value for known, value in pairs if known == name)
