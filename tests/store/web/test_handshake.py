"""An app registers itself over HTTP, and what then verifies its webhooks, on both engines."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.recordings import FOLDER
from webhook_app.app import create_app
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.sealing import Sealer
from webhook_app.inbox.shop_records import registrations
from webhook_app.web import shop_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from werkzeug.test import TestResponse

    from webhook_app.inbox import Inbox
    from webhook_app.platforms.registration import Registration

KEY, NEWER_KEY = "k" * 32, "n" * 32
APP_SECRET = "app-secret-For-Tests-0123456789"
SHOPS = f"""
[shops.acme]
platform = "shopware"
app_secret = "{APP_SECRET}"
instance_key = "1234abcd"
domain = ["shop.example", "copy.example"]
[shops.twin]
platform = "shopware"
app_secret = "{APP_SECRET}"
instance_key = "1234abcd"
[shops.woo]
platform = "woocommerce"
secrets = ["s"]
instance_key = "1234abcd"
[shops.listed]
platform = "shopware"
secrets = ["listed"]
instance_key = "1234abcd"
"""
ORDER = (FOLDER / "shopware/checkout.order.placed__tax-free/body.raw").read_bytes()


def signed(message: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class Shopware:
    """A shop that registers and sends webhooks, as Shopware 6.5 does."""

    def __init__(self, app: Flask, shop_id: str = "id-1", url: str = "https://shop.example") -> None:
        self.client, self.id, self.url, self.secret = app.test_client(), shop_id, url, ""
        self.time = int(time.time()) - 100

    def ask(self, secret: str = APP_SECRET, to: str = "acme", later: int = 1) -> TestResponse:
        self.time += later
        query = f"shop-id={self.id}&shop-url={self.url}&timestamp={self.time}"
        headers = {"shopware-app-signature": signed(query.encode(), secret)}
        return self.client.get(f"/handshake/shopware/{to}?{query}", headers=headers)

    def register(self) -> TestResponse:
        answer: dict[str, Any] = self.ask().get_json()
        assert answer["proof"] == signed(f"{self.id}{self.url}TweakwiseEvents".encode(), APP_SECRET)
        assert 64 <= len(answer["secret"]) <= 255
        assert answer["confirmation_url"] == "https://events.example/handshake/shopware/acme/confirm"
        self.secret = answer["secret"]
        body = json.dumps({"apiKey": "key-1", "secretKey": "geheim-1", "timestamp": str(self.time)})[:-1]
        body += f', "shopUrl": "{self.url}", "shopId": "{self.id}"}}'
        return self.post("/handshake/shopware/acme/confirm", body.encode())

    def send(self, body: bytes = ORDER) -> TestResponse:
        return self.post("/webhooks/shopware/acme", body)

    def post(self, path: str, body: bytes) -> TestResponse:
        return self.client.post(path, data=body, headers={"shopware-shop-signature": signed(body, self.secret)})


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, migrated_url: str) -> pytest.MonkeyPatch:
    """The settings of a receiver for Shopware."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    for name, value in {"SHOPS": SHOPS, "DATABASE_URL": migrated_url, "SECRETS_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PUBLIC_URL", "https://events.example")
    return monkeypatch


@pytest.fixture
def apps(environment: pytest.MonkeyPatch) -> Iterator[list[Flask]]:
    """Two processes of that receiver."""
    created = [create_app(), create_app()]
    yield created
    for app in created:
        app.extensions["webhooks"].inbox.close()


def test_an_app_registers_with_nothing_pasted(apps: list[Flask]) -> None:
    """Its webhooks are verified from then on, in every process; no secret is readable in the database or the log."""
    shop = Shopware(apps[0])
    assert shop.send().status_code == 401
    with capture_logs() as logs:
        assert shop.register().status_code == 204
        assert shop.send().get_json()["status"] == "stored"
    other = apps[1].test_client()
    assert (
        other.post(
            "/webhooks/shopware/acme", data=ORDER, headers={"shopware-shop-signature": signed(ORDER, shop.secret)}
        ).get_json()["status"]
        == "duplicate"
    )
    assert [one["event"] for one in logs if one["log_level"] == "info"] == ["app_registered"]
    inbox: Inbox = apps[0].extensions["webhooks"].inbox
    with inbox.database.read() as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM registrations").all())
    for secret in (shop.secret, "geheim-1", "key-1", APP_SECRET):
        assert secret not in stored + str(logs)
    assert registrations.find(inbox, Sealer(KEY), "acme").api_secret == "geheim-1"


def test_registering_again_makes_a_new_secret(apps: list[Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one counts for a minute, also in processes that have read the registration before."""
    shop = Shopware(apps[0])
    shop.register()
    monkeypatch.setattr(shop_secrets, "READ_ONCE_IN", 0.0)
    monkeypatch.setattr(shop_secrets, "READ_AFTER", 0.0)
    old, other = shop.secret, Shopware(apps[1])
    other.secret = old
    assert other.send().status_code == 200
    shop.register()
    assert old != shop.secret
    assert (shop.send().status_code, other.send().status_code) == (200, 200)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert (shop.send().status_code, other.send().status_code) == (200, 401)


@pytest.mark.engines("sqlite")
def test_another_shop_is_refused_until_the_app_is_removed(apps: list[Flask]) -> None:
    """A copy of the shop takes no secret away; `domain` excludes shops at other addresses."""
    shop, copy = Shopware(apps[0]), Shopware(apps[1], "id-2", "https://copy.example")
    other = Shopware(apps[0], "id-3", "https://other.example")
    shop.register()
    assert [(one.status_code, one.get_json()["error"]) for one in (copy.ask(), other.ask())] == [
        (403, "other_shop"),
        (403, "other_shop"),
    ]
    assert shop.send().status_code == 200
    removed = {"data": {"payload": {}, "event": "app.deleted"}, "source": {"eventId": "e-1", "url": shop.url}}
    assert shop.send(json.dumps(removed).encode()).status_code == 200
    copy.time = int(time.time())
    assert copy.register().status_code == 204


@pytest.mark.engines("sqlite")
def test_two_shops_with_one_app_secret(apps: list[Flask]) -> None:
    """A request that one has answered is a replay at the other; a new one registers there, with another secret."""
    shop, client = Shopware(apps[0]), apps[0].test_client()
    shop.register()
    replayed = shop.ask(to="twin", later=0)
    assert (replayed.status_code, replayed.get_json()["error"]) == (401, "replayed")
    assert shop.ask(to="twin").get_json()["secret"] != shop.secret
    headers = {"shopware-shop-signature": signed(ORDER, shop.secret)}
    assert client.post("/webhooks/shopware/twin", data=ORDER, headers=headers).status_code == 401


def test_registrations_are_audited(apps: list[Flask]) -> None:
    """Each change, and what a holder of the app secret is refused; an outsider adds no row, and no secret is in one."""
    shop, copy = Shopware(apps[0]), Shopware(apps[0], "id-2", "https://copy.example")
    for _ in range(2):
        shop.register()
    for _ in range(3):
        copy.ask()
        shop.ask("wrong")
    removed = {"data": {"payload": {}, "event": "app.deleted"}, "source": {"eventId": "e-1", "url": shop.url}}
    shop.send(json.dumps(removed).encode())
    found = audit_log.newest(apps[0].extensions["webhooks"].inbox)[::-1]
    assert [one.action for one in found] == [
        *("registration_begun", "registered", "registration_begun", "registered_again"),
        *("registration_refused", "app_removed"),
    ]
    assert found[1].detail == "acme shop.example (shop id-1)"
    assert shop.secret not in str(found)
    assert {one.source for one in found} == {"platform"}


@pytest.mark.engines("sqlite")
def test_requests_that_are_refused(apps: list[Flask]) -> None:
    """With a reason, and never with a 500."""
    shop = Shopware(apps[0])
    assert shop.ask("wrong").get_json()["error"] == "signature_mismatch"
    client = apps[0].test_client()
    assert client.get("/handshake/shopware/acme").get_json()["error"] == "signature_missing"
    assert client.get("/handshake/shopware/acme?%ff&\u20ac=1").status_code == 401
    assert client.post("/handshake/shopware/acme").status_code == 405
    assert client.get("/handshake/shopware/acme/confirm").status_code == 405
    assert client.post("/handshake/shopware/acme/confirm", data=b"\xff").get_json()["error"] == "not_asked"
    assert client.get("/handshake/woocommerce/woo").status_code == 404
    assert client.get("/handshake/shopware/unknown").status_code == 404
    assert client.get("/handshake/shopware/listed").get_json()["error"] == "app_secret_missing"


@pytest.mark.engines("sqlite")
def test_without_a_key_nothing_is_registered(environment: pytest.MonkeyPatch) -> None:
    """The shop gets a sentence; secrets of the configuration work without any."""
    environment.delenv("SECRETS_KEY")
    app = create_app()
    answer = Shopware(app).ask()
    assert (answer.status_code, answer.get_json()["error"]) == (503, "secrets_key_missing")
    assert "SECRETS_KEY" in answer.get_json()["hint"]
    headers = {"shopware-shop-signature": signed(ORDER, "listed")}
    assert app.test_client().post("/webhooks/shopware/listed", data=ORDER, headers=headers).status_code == 200
    app.extensions["webhooks"].inbox.close()


@pytest.mark.engines("sqlite")
def test_keys_are_rotated_and_may_be_lost(apps: list[Flask], environment: pytest.MonkeyPatch) -> None:
    """A newer key reads what the older one wrote; without it a genuine webhook is no forgery: it comes again."""
    shop = Shopware(apps[0])
    shop.register()
    for keys, status in ((f"{NEWER_KEY}, {KEY}", 200), (NEWER_KEY, 503)):
        environment.setenv("SECRETS_KEY", keys)
        app = create_app()
        headers = {"shopware-shop-signature": signed(ORDER, shop.secret)}
        answer = app.test_client().post("/webhooks/shopware/acme", data=ORDER, headers=headers)
        assert answer.status_code == status
        app.extensions["webhooks"].inbox.close()


@pytest.mark.engines("sqlite")
def test_forgeries_cause_few_reads(apps: list[Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong signatures make a process read the registration once a second at most."""
    shop, reads = Shopware(apps[0]), list[str]()
    shop.register()
    find = registrations.find

    def counted(inbox: Inbox, sealer: Sealer | None, name: str) -> Registration:
        reads.append(name)
        return find(inbox, sealer, name)

    monkeypatch.setattr(registrations, "find", counted)
    shop.secret = "wrong"
    assert {shop.send().status_code for _ in range(20)} == {401}
    assert len(reads) <= 2
