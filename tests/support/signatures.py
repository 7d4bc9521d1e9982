"""Requests with valid signatures of four shops, and the diagnosis of changed ones."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

from tests.support.recordings import RECEIVED_AT, Asked, Recorded
from webhook_app.config import shops
from webhook_app.platforms import all_platforms
from webhook_app.signature_check import Configuration, Diagnosis, diagnose, diagnose_query

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
# What the platform signed: Shopify's way of writing JSON, with what distinguishes one way from another.
ORDER = (
    '{"id":820982911946154508,"zeta":"Zoë","alpha":10.50,"url":"https://a.example/x","note":"a\\u0026b <c>","n":null}'
)
ORDERED: dict[str, Any] = json.loads(ORDER)
ARRIVED = RECEIVED_AT.timestamp()


def configuration_for(one: Recorded | Asked) -> Configuration:
    """The platforms, and the one shop that a fixture is for."""
    return Configuration({"fixture": one.shop}, all_platforms())


def digest(body: bytes, secret: str = SECRET, way: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), body, way).digest()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def diagnose_post(
    body: bytes, digest: str, header: str = "x-shopify-hmac-sha256", shop: str = "acme", **more: str
) -> Diagnosis:
    """The diagnosis of `body`, received with that signature."""
    platforms = all_platforms()
    known = shops.parse(SHOPS, "SHOPS", platforms)
    headers = {"x-shopify-topic": "orders/create", header: digest, **{k.replace("_", "-"): v for k, v in more.items()}}
    return diagnose(body, headers, known[shop], Configuration(known, platforms))


def verified_causes(diagnosis: Diagnosis) -> list[str]:
    return [finding.text for finding in diagnosis.findings if finding.verified]


BODY = ORDER.encode()
RAW = digest(BODY)
SIGNED_AT = 1_614_265_330
VIEW = b'{"type":"pageview","data":{"product_id":"7"}}'


def standard(key: bytes = base64.b64decode(KEY), body: bytes = VIEW, way: str = "sha256") -> dict[str, str]:
    """A Standard Webhook's headers, signed at SIGNED_AT."""
    signed = hmac.new(key, b"msg_1.%d." % SIGNED_AT + body, way).digest()
    return {"webhook-id": "msg_1", "webhook-timestamp": str(SIGNED_AT), "webhook-signature": f"v1,{b64(signed)}"}


def diagnose_standard(headers: dict[str, str], body: bytes = VIEW, arrived: float | None = SIGNED_AT + 10) -> Diagnosis:
    platforms = all_platforms()
    known = shops.parse(SHOPS, "SHOPS", platforms)
    return diagnose(body, headers, known["umbrella"], Configuration(known, platforms), arrived)


RIGHT = standard()
QUERY_AT = 1_317_327_555


def signed_query(query: str, secret: str = SECRET) -> bytes:
    """A query followed by its signature, made by hand: the pairs must be given sorted, and need no decoding."""
    digest = hmac.new(secret.encode(), query.replace("&", "").encode(), "sha256").hexdigest()
    return f"{query}&signature={digest}".encode()


PLAIN = f"logged_in_customer_id=&path_prefix=/apps/x&shop=a.example&term=mug&timestamp={QUERY_AT}"
GENUINE = signed_query(PLAIN)


def diagnose_signed_query(query: bytes, arrived: float | None = QUERY_AT) -> Diagnosis:
    platforms = all_platforms()
    shops_ = shops.parse(SHOPS, "SHOPS", platforms)
    assert platforms["shopify"].proxy
    return diagnose_query(query, platforms["shopify"].proxy, shops_["acme"], Configuration(shops_, platforms), arrived)
