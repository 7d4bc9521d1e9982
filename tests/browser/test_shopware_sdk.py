"""The registration of a Shopware app, and its webhooks' signatures, agree with Shopware's own SDKs."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.recordings import SIGNED
from webhook_app.errors import BadSignatureError, RegistrationRefusedError
from webhook_app.platforms import all_platforms, registration
from webhook_app.platforms.registration import APP_SIGNATURE, PREVIOUS_SIGNATURE, SHOP_SIGNATURE, Registration

CHECKS = Path(__file__).parent / "shopify"
SDK = CHECKS / "node_modules/@shopware-ag/app-server-sdk"
SHOPWARE = all_platforms()["shopware"]
NAME, APP_SECRET, ID, URL = "TweakwiseEvents", "app-secret-For-Tests-0123456789", "id-1", "https://shop.example"
NOW = int(time.time())
Step = tuple[str, dict[str, Any]]


def signed(message: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def body_of(at: int) -> str:
    return json.dumps({"apiKey": "key", "secretKey": "geheim", "timestamp": str(at), "shopUrl": URL, "shopId": ID})


def begin(at: int, app_secret: str = APP_SECRET, shop_secret: str = "", url: str = URL, query: str = "") -> Step:
    query = query or f"shop-id={ID}&shop-url={url}&timestamp={at}"
    headers = {APP_SIGNATURE: signed(query.encode(), app_secret)} if app_secret else {}
    headers |= {SHOP_SIGNATURE: signed(query.encode(), shop_secret)} if shop_secret else {}
    return "begin", {"query": query, "headers": headers}


def confirm(at: int, secret: str, previous: str = "") -> Step:
    body = body_of(at)
    headers = {SHOP_SIGNATURE: signed(body.encode(), secret)}
    headers |= {PREVIOUS_SIGNATURE: signed(body.encode(), previous)} if previous else {}
    return "confirm", {"body": body, "headers": headers}


def pending(secret: str) -> Step:
    return "pending", {"id": ID, "secret": secret}


def webhook(secret: str, later: float = 0.0) -> Step:
    return "webhook", {"body": "{}", "id": ID, "signature": signed(b"{}", secret), "later": later}


FIRST = [begin(NOW - 9), pending("one"), confirm(NOW - 9, "one")]
CASES: dict[str, list[Step]] = {
    "a first registration": [*FIRST, webhook("one"), webhook("two"), webhook("")],
    "an address with a slash": [begin(NOW, url=f"{URL}/"), begin(NOW + 1, url=f"{URL}:8443/a//b/")],
    "another app secret": [begin(NOW, "another")],
    "no signature": [begin(NOW, "")],
    "no id": [begin(NOW, query=f"shop-url={URL}&timestamp={NOW}")],
    "no address": [begin(NOW, query=f"shop-id={ID}&timestamp={NOW}")],
    "no time": [begin(NOW, query=f"shop-id={ID}&shop-url={URL}")],
    "a wrong confirmation": [begin(NOW), pending("one"), confirm(NOW, "two"), confirm(NOW, APP_SECRET)],
    "again, as 6.5 does": [
        *FIRST,
        begin(NOW),
        pending("two"),
        webhook("one"),
        confirm(NOW, "two"),
        *(webhook(secret, later) for secret in ("one", "two") for later in (0, 58, 61)),
    ],
    "again, signed twice": [
        *FIRST,
        begin(NOW, shop_secret="one"),
        pending("two"),
        confirm(NOW, "two", previous="wrong"),
        confirm(NOW, "two"),
        confirm(NOW, "two", previous="one"),
        webhook("two"),
    ],
    "again, with a wrong second signature": [*FIRST, begin(NOW, shop_secret="wrong"), webhook("one")],
    "once signed twice, always signed twice": [
        *FIRST,
        begin(NOW - 5, shop_secret="one"),
        pending("two"),
        confirm(NOW - 5, "two", previous="one"),
        begin(NOW),
        begin(NOW, shop_secret="one"),
        begin(NOW, shop_secret="two"),
    ],
}


class Ours:
    """A receiver with one shop, in memory."""

    def __init__(self) -> None:
        self.known, self.next = Registration(), "random"

    def begin(self, query: str, headers: dict[str, str]) -> str:
        asked = registration.request(query.encode(), headers, APP_SECRET, NOW)
        self.known = registration.begun(self.known, asked, query.encode(), headers, "random")
        return asked.answered(NAME, APP_SECRET)

    def pending(self, id: str, secret: str) -> bool:  # noqa: A002 - the names of the steps
        assert id == ID
        self.known = registration.read(self.known.as_json().replace('"random"', json.dumps(secret)))
        return True

    def confirm(self, body: str, headers: dict[str, str]) -> bool:
        self.known = registration.confirmed(self.known, body.encode(), headers, NOW)
        return True

    def webhook(self, body: str, id: str, signature: str, later: float) -> bool:  # noqa: A002
        assert id == ID
        SHOPWARE.signature.verify(body.encode(), {SHOP_SIGNATURE: signature}, self.known.secrets(NOW + later))
        return True

    def does(self, step: str, given: dict[str, Any]) -> Any:
        try:
            return getattr(self, step)(**given)
        except (RegistrationRefusedError, BadSignatureError):
            return "" if step == "begin" else False


def asked_of_the_sdk(cases: list[list[Step]]) -> list[list[Any]]:
    given = json.dumps({"secret": APP_SECRET, "name": NAME, "cases": cases})
    done = subprocess.run(
        ["node", "shopware-sdk.mjs"], input=given, cwd=CHECKS, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    answers: list[list[Any]] = json.loads(done.stdout)
    return answers


@pytest.mark.skipif(not (shutil.which("node") and SDK.exists()), reason="needs node, and npm ci in browser/shopify")
def test_it_agrees_with_the_sdk_for_node() -> None:
    """Answers, refusals and secrets that count are the same, step by step; so are signatures of recorded bodies."""
    recorded = [one for one in SIGNED if one.platform is SHOPWARE]
    bodies: list[Step] = [("sign", {"text": one.body.decode(), "secret": one.shop.secrets[-1]}) for one in recorded]
    *answers, signatures = asked_of_the_sdk([*CASES.values(), bodies])
    for (name, steps), answered in zip(CASES.items(), answers, strict=True):
        ours = Ours()
        assert [ours.does(*step) for step in steps] == answered, name
    assert signatures == [one.headers[SHOP_SIGNATURE] for one in recorded]


def test_it_agrees_with_the_vectors_of_the_sdk_for_php() -> None:
    """Those of https://github.com/shopware/app-php-sdk/tree/main/tests (MIT): a request, its answer, and a webhook."""
    query = b"shop-id=123&shop-url=https://my-shop.com&timestamp=1234567890"
    headers = {APP_SIGNATURE: "96c91f86c822e11444b7a57b54ef125ed86b1a639c5360d45c5397daa8c3f70b"}
    assert registration.request(query, headers, "my-secret", 1234567890).shop_url == "https://my-shop.com"
    answered = registration.Request("test", "test.de", 0).answered("test", "test")
    assert answered == "a1a38c9580bb3bcd0df226086a9783ba4087671ce4968a4469e451c517fff445"
    of_webhook = {SHOP_SIGNATURE: "dc46983557fea127b43af721467eb9b3fde2338fe3e14f51952aa8478c13d355"}
    assert SHOPWARE.signature.verify(b"body", of_webhook, ["secret"]) == 0
