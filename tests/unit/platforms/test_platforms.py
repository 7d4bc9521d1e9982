"""The laws that hold for every platform, over every fixture; a new platform needs no test of its own here."""

from __future__ import annotations

import ast
import base64
import hmac
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.base import MOST_VALUES
from schemas.events import DataRequest, Ignored, Reason, Redaction
from tests.support.recordings import ASKED, EVERY, FOLDER, RECEIVED_AT, SIGNED, Asked, Recorded, payload_of, shop_keys
from tests.support.tables import for_each
from webhook_app.errors import BadSignatureError
from webhook_app.platforms import all_platforms, samples
from webhook_app.platforms.base import Platform, SampleValues
from webhook_app.translation.translate import AgeLimits, Decision, parse_json, translate
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT_AT = re.compile(rb',"timestamp":[0-9]+(?=})')
ROOT = Path(__file__).parents[3]
AGES = AgeLimits(max_order_age=7 * 86400, max_age=86400)
every_fixture = for_each("recorded", EVERY, ids=lambda recorded: recorded.name)
VERIFIED = [*SIGNED, *ASKED]
# Those whose topic is in a header, which no signature covers.
HEADED = [recorded for recorded in SIGNED if recorded.platform.topic_headers]
GENUINE = [recorded for recorded in HEADED if recorded.expected.get("ignored") != Reason.WRONG_TOPIC]
every_signed_fixture = for_each("recorded", VERIFIED, ids=lambda recorded: recorded.name)
every_posted_fixture = for_each("recorded", SIGNED, ids=lambda recorded: recorded.name)
every_asked_fixture = for_each("recorded", ASKED, ids=lambda recorded: recorded.name)
every_platform = pytest.mark.parametrize("platform", all_platforms().values(), ids=lambda platform: platform.name)


@every_signed_fixture
def test_genuine_passes(recorded: Recorded) -> None:
    """An unchanged delivery is verified, and its topic is found."""
    assert recorded.verify().topic


@every_signed_fixture
@pytest.mark.parametrize("place", ["front", "end"])
def test_one_added_byte_fails(recorded: Recorded, place: str) -> None:
    """One byte more, and it is not what was signed."""
    signed = b" " + recorded.signed if place == "front" else recorded.signed + b"\n"
    with pytest.raises(BadSignatureError):
        recorded.verify(signed)


@every_posted_fixture
def test_each_missing_header_fails(recorded: Recorded) -> None:
    """Without its signature or its topic a request is refused."""
    platform = recorded.platform
    signed = [name for names in platform.signature.describe({}).headers for name in names]
    needed = {*signed, *platform.topic_headers} & set(recorded.headers)
    needed |= {name for name in recorded.headers if name.removeprefix("x-") in {n.removeprefix("x-") for n in signed}}
    assert len(needed) >= 1 + bool(platform.topic_headers)
    for missing in needed:
        headers = {name: value for name, value in recorded.headers.items() if name != missing}
        with pytest.raises(BadSignatureError):
            platform.verify(recorded.body, headers, recorded.shop.secrets)


@every_asked_fixture
def test_each_missing_parameter_fails(recorded: Asked) -> None:
    """Without its signature, its time or its shop a query is refused, with the name of what it lacks."""
    signature = recorded.proxy.signature
    for missing in (signature.signature_parameter, signature.timestamp_parameter, *signature.required):
        parts = [part for part in recorded.signed.split(b"&") if not part.startswith(f"{missing}=".encode())]
        with pytest.raises(BadSignatureError, match=f"{missing}_missing"):
            recorded.verify(b"&".join(parts))


@every_signed_fixture
def test_wrong_secret_fails(recorded: Recorded) -> None:
    """Only the shop's own secrets count."""
    with pytest.raises(BadSignatureError):
        recorded.verify(secrets=["another secret"])


@every_signed_fixture
def test_rotated_secret_passes(recorded: Recorded) -> None:
    """A delivery signed with the older secret still counts, and it is known which one that was."""
    secrets = ["brand new secret", *recorded.shop.secrets]
    assert recorded.verify(secrets=secrets).secret_index >= 1


@every_signed_fixture
def test_identity_is_stable(recorded: Recorded) -> None:
    """The same delivery sent again is known as the same."""
    again = [recorded.verify().identity for _ in "ab"]
    assert again[0] == again[1]


def test_identities_differ() -> None:
    """No two different deliveries of a platform share an identity, whatever their Delivery-ID."""
    seen: dict[tuple[str, str], tuple[str, bytes]] = {}
    for recorded in VERIFIED:
        envelope = recorded.verify()
        event = (envelope.topic, _without_time_of_sending(recorded))
        assert seen.setdefault((recorded.platform.name, envelope.identity), event) == event, recorded.name


def _without_time_of_sending(recorded: Recorded) -> bytes:
    """A retry is signed anew where the platform writes the time of sending into the body."""
    return SENT_AT.sub(b"", recorded.body) if recorded.platform.domain_in_body else recorded.body


def test_a_retry_has_the_identity_of_the_first_attempt() -> None:
    """One event is stored once, also where its retries have other bytes and another signature."""
    first, second = (one for one in SIGNED if "__retried-" in one.name)
    assert first.body != second.body
    assert first.verify().identity == second.verify().identity


@for_each("recorded", GENUINE, ids=lambda recorded: recorded.name)
def test_a_siblings_body_does_nothing(recorded: Recorded) -> None:
    """A signed body under another topic, which no signature covers, counts the same order or is `wrong_topic`."""
    own_topic = recorded.delivery().topic
    for topic in {topic.name for topic in recorded.platform.topics} - {own_topic}:
        other = _translated(recorded, topic)
        is_order = {re.split("[./]", name)[0] for name in (topic, own_topic)} <= {"order", "orders"}
        if is_order and isinstance(other, Call):
            assert other.key == f"purchase:{json.loads(recorded.body)['id']}", topic
        else:
            assert not isinstance(other, Call | Redaction | DataRequest), topic
        if not is_order:
            assert _as_expected(other)["ignored"] in (Reason.WRONG_TOPIC, Reason.OTHER_SHOP, Reason.UNREADABLE), topic


def _translated(recorded: Recorded, topic: str) -> Decision:
    payload = payload_of(replace(recorded.delivery(), topic=topic))
    return translate(payload, recorded.shop, recorded.platform, AGES, RECEIVED_AT)


ERASING = [one for one in GENUINE if {"redaction", "data_request"} & one.expected.keys()]


@for_each("recorded", ERASING, ids=lambda recorded: recorded.name)
def test_a_topic_that_erases_demands_exactly_its_fields(recorded: Recorded) -> None:
    """One field less or one more, and nothing is erased or reported."""
    payload, topic = json.loads(recorded.body), recorded.delivery().topic
    changed = [{name: value for name, value in payload.items() if name != absent} for absent in payload]
    for odd in [*changed, {**payload, "further": None}]:
        assert getattr(recorded.platform.translate(topic, odd), "reason", None) is Reason.WRONG_TOPIC, odd.keys()


@every_platform
@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
@example({' {"id":7,"line_items":[],"junk":"': "v", "~": '"}'})
@example({"{": "}"})
def test_what_a_proxy_signs_is_no_webhook(platform: Platform, chosen: dict[str, str]) -> None:
    """Visitors choose parameters that the platform signs with the webhooks' secret: the text is never a webhook."""
    if not platform.proxy:
        return
    added = dict.fromkeys((*platform.proxy.signature.required, *platform.proxy.signature.single), "x")
    query = platform.proxy.sign({**chosen, **added}, "secret", 0).decode()
    pairs: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        pairs.setdefault(name, []).append(value)
    digest = bytes.fromhex(pairs.pop("signature")[-1])
    text = "".join(sorted(f"{name}={','.join(values)}" for name, values in pairs.items())).encode()
    names = platform.signature.describe({}).headers
    for encoded in (digest.hex(), base64.b64encode(digest).decode()):
        headers = {name: encoded for some in names for name in some} | dict.fromkeys(platform.topic_headers, "orders/x")
        with pytest.raises(BadSignatureError):
            platform.verify(text, headers, ["secret"])


@every_signed_fixture
def test_output_equals_expected(recorded: Recorded) -> None:
    """The result of translation is exactly that of expected.json."""
    assert _as_expected(_translated(recorded, recorded.delivery().topic)) == recorded.expected


@every_fixture
def test_ping_is_recognised(recorded: Recorded) -> None:
    """A ping is recognised, and no delivery is taken for a ping."""
    assert recorded.platform.is_ping(recorded.body, recorded.headers) == recorded.expected.get("ping", False)


@every_platform
def test_every_mapped_topic_has_a_fixture(platform: Platform) -> None:
    """What is mapped is tested with a delivery."""
    verified = {fixture.delivery().topic for fixture in VERIFIED if fixture.platform.name == platform.name}
    assert {topic.name for topic in platform.topics} <= verified


@every_platform
def test_every_sample_is_mapped(platform: Platform) -> None:
    """Every topic's sample is signed as the platform would, and can be read."""
    secret = shop_keys(platform.name)["secrets"][0]
    sample = SampleValues(20261123000000001, "2026-11-23T12:00:00Z", "tweakwise_profile_key", "sample-1")
    for topic in platform.topics:
        if platform.proxy and topic.storefront:
            parameters = {name: str(value) for name, value in topic.sample(sample).items()}
            query = platform.proxy.sign(parameters, "secret", RECEIVED_AT.timestamp())
            verified = platform.proxy.verify(query, ["secret"], RECEIVED_AT.timestamp())
            assert not isinstance(platform.translate(topic.name, verified.parameters), Ignored)
            continue
        body = json.dumps(topic.sample(sample)).encode()
        envelope = platform.verify(body, platform.sign_sample(topic.name, "an-identity", body, secret), [secret])
        assert envelope.topic == topic.name
        assert envelope.identity == "an-identity" or not platform.signs_identity
        event = platform.translate(topic.name, parse_json(body))
        assert getattr(event, "reason", Reason.CANCELLED) not in (Reason.UNMAPPED_TOPIC, Reason.WRONG_TOPIC)


@every_platform
def test_samples_fit_a_pinned_shop(platform: Platform) -> None:
    """A sample names the shop's own address, but one that erases never does."""
    for topic in platform.topics:
        headers, body = samples.signed_delivery(platform, topic, "key", f"whsec_{'a' * 32}", "own.example")
        assert not platform.domain_headers or headers[platform.domain_headers[0]] == "own.example"
        event = platform.translate(topic.name, parse_json(body))
        if isinstance(event, Redaction | DataRequest):
            assert b"own.example" not in body


@pytest.mark.parametrize(
    "address", ["https://a\0.example", "https://a\ud83d.example", "https://a.example/" + "\0" * 500]
)
def test_an_address_in_the_body_can_be_stored(address: str) -> None:
    """A webhook whose body names an odd address fails no commit, which others share."""
    body = json.dumps({"data": {"event": "checkout.order.placed"}, "source": {"url": address}}).encode()
    signature = hmac.digest(b"a-secret", body, "sha256").hex()
    envelope = all_platforms()["shopware"].verify(body, {"shopware-shop-signature": signature}, ["a-secret"])
    assert envelope.domain.startswith("https://a.example")
    assert "\0" not in envelope.domain


def test_a_signed_body_with_too_many_values_is_stored() -> None:
    """Refused, it would be lost without a trace, and Shopware would disable its webhook after ten of them."""
    body = b'{"data":{"event":"checkout.order.placed","x":[' + b"0," * MOST_VALUES + b"0]}}"
    platform, signature = all_platforms()["shopware"], hmac.digest(b"a-secret", body, "sha256").hex()
    envelope = platform.verify(body, {"shopware-shop-signature": signature}, ["a-secret"])
    assert isinstance(platform.translate(envelope.topic, {}), Ignored)


def test_every_folder_of_fixtures_is_a_platform() -> None:
    """Every folder of fixtures belongs to a platform."""
    assert {folder.name for folder in FOLDER.iterdir() if folder.is_dir()} == set(all_platforms())


def test_no_module_depends_on_one_platform() -> None:
    """What differs between platforms is a field of Platform: outside platforms/ their names are nowhere compared."""
    modules = [*(ROOT / "schemas").rglob("*.py"), *(ROOT / "webhook_app").rglob("*.py")]
    elsewhere = [path for path in modules if path.parent != ROOT / "webhook_app/platforms"]
    assert len(elsewhere) > 100
    assert [f"{path.relative_to(ROOT)}:{line}" for path in elsewhere for line in _comparisons(path)] == []


def _comparisons(module: Path) -> Iterator[int]:
    """Yield the lines on which a literal that is a platform's name is compared, matched or looked up."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare | ast.MatchValue | ast.Dict):
            literals = (inner for inner in ast.walk(node) if isinstance(inner, ast.Constant))
            yield from (literal.lineno for literal in literals if literal.value in all_platforms())


def test_a_comparison_with_a_platform_is_found(tmp_path: Path) -> None:
    """The law above sees every way to write such a comparison."""
    module = tmp_path / "module.py"
    module.write_text(
        'if platform == "shopify": pass\n'
        'if name in ("woocommerce", "x"): pass\n'
        "match name:\n"
        '    case "standard" | "x": pass\n'
        'labels = {"shopify": 1}\n'
        'all_platforms()["standard"]\n'
    )
    assert set(_comparisons(module)) == {1, 2, 4, 5}


def _as_expected(translated: Decision) -> dict[str, Any]:
    match translated:
        case Call():
            return {"call": {"event": translated.event, "key": translated.key, "body": translated.body}}
        case Ignored():
            return {"ignored": translated.reason}
        case Unreadable():
            return {"unreadable": translated.detail.rpartition(": ")[0]}
        case Redaction():
            return {"redaction": _subject(translated)}
        case DataRequest():
            return {"data_request": _subject(translated.subject)}


def _subject(subject: Redaction) -> dict[str, Any]:
    return {
        "domain": subject.domain,
        "customer_id": subject.customer_id,
        "order_ids": sorted(subject.order_ids),
        "personal": sorted(subject.personal),
    }
