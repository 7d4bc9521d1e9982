"""What the receiver answers, in every case of the table in docs/architecture.md."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support import processes
from tests.support.recordings import EVERY, Recorded, as_toml, shop_keys
from webhook_app.app import create_app
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.platforms import all_platforms
from webhook_app.signing.standard_webhooks import StandardWebhooks
from webhook_app.web.rate_limit import RateLimiter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from webhook_app.web.context import WebContext

# What the store does is tested on both engines in tests/store/inbox.
pytestmark = pytest.mark.engines("sqlite")

BY_NAME = {recorded.name: recorded for recorded in EVERY}
ORDER = BY_NAME["shopify/orders_create__note-attributes"]
WOO_ORDER = BY_NAME["woocommerce/order.created__customer-on-hold"]
PING = BY_NAME["woocommerce/ping"]
STANDARD = ["webhook-id", "webhook-timestamp", "webhook-signature"]
TOPIC = {"X-Shopify-Topic": "orders/create", "X-Shopify-Webhook-Id": "1"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str) -> pytest.MonkeyPatch:
    """The settings of a receiver with a shop of each platform."""
    named = {"shop": "shopify", "woo": "woocommerce", "own": "standard"}
    text = "".join(as_toml(shop, shop_keys(platform)) for shop, platform in named.items())
    for name in ("SHOPS_FILE", "MAX_BODY", "LOG_FORMAT", "SPOOL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("SHOPS", text)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return monkeypatch


@pytest.fixture
def client(environment: pytest.MonkeyPatch, migrated_url: str) -> Iterator[FlaskClient]:
    """A client of that receiver."""
    app = create_app()
    yield app.test_client()
    app.extensions["webhooks"].inbox.close()


def post(client: FlaskClient, recorded: Recorded, path: str = "", **changed: str) -> TestResponse:
    shop = "shop" if recorded.platform.name == "shopify" else "woo"
    url = path or f"/webhooks/{recorded.platform.name}/{shop}"
    return client.post(url, data=recorded.body, headers={**recorded.sent_headers, **changed})


def context_of(client: FlaskClient) -> WebContext:
    context: WebContext = client.application.extensions["webhooks"]
    return context


def stored_count(client: FlaskClient) -> int:
    return sum(stored_deliveries.counts(context_of(client).inbox).values())


@pytest.mark.engines("sqlite", "postgres")
@pytest.mark.parametrize("path", ["/webhooks/shopify/shop", "/webhooks/shopify/shop/"])
def test_genuine_is_stored(client: FlaskClient, path: str) -> None:
    """A verified delivery is stored and answered with 200, with and without trailing slash."""
    response = post(client, ORDER, path)
    assert (response.status_code, response.json) == (200, {"status": "stored", "id": 1})
    assert stored_count(client) == 1


@pytest.mark.engines("sqlite", "postgres")
def test_duplicate_is_200(client: FlaskClient) -> None:
    """The platform's retry is answered with the number of the first."""
    post(client, ORDER)
    response = post(client, ORDER)
    assert (response.status_code, response.json) == (200, {"status": "duplicate", "id": 1})
    assert stored_count(client) == 1


def test_dropped_fields_are_never_at_rest(client: FlaskClient, tmp_path: Path) -> None:
    """Links that show an order to anyone are in no file; duplicates are recognised by the body that was signed."""
    order = json.loads(WOO_ORDER.body)
    post(client, WOO_ORDER)
    assert (post(client, WOO_ORDER).json or {})["status"] == "duplicate"
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert str(order["id"]).encode() in files
    assert [name for name in ("order_key", "payment_url") if name.encode() in files] == []
    assert order["order_key"].encode() not in files
    content = stored_deliveries.body(context_of(client).inbox, 1)
    assert content
    headers, body = content
    assert json.loads(body) == {
        name: value for name, value in order.items() if name not in ("order_key", "payment_url")
    }
    assert headers["body-sha256"] == hashlib.sha256(WOO_ORDER.body).hexdigest()


@pytest.mark.engines("sqlite", "postgres")
def test_a_signed_body_under_another_id_is_a_duplicate(client: FlaskClient) -> None:
    """No signature covers Shopify's id: a body that is sent again under a new one is stored once."""
    post(client, ORDER)
    response = post(client, ORDER, **{"X-Shopify-Webhook-Id": "another"})
    assert (response.status_code, response.json) == (200, {"status": "duplicate", "id": 1})
    assert stored_count(client) == 1


def test_another_body_under_the_same_id_is_stored(client: FlaskClient) -> None:
    """An id cannot be taken away from the delivery that it belongs to."""
    identity = ORDER.sent_headers["X-Shopify-Webhook-Id"]
    post(client, BY_NAME["shopify/products_update"], **{"X-Shopify-Webhook-Id": identity})
    assert post(client, ORDER).json == {"status": "stored", "id": 2}


def test_storefront_events_beyond_the_shop_rate_are_429(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused storefront events are not stored and carry Retry-After; orders are still accepted."""
    receiver = context_of(client)
    monkeypatch.setattr(receiver, "rate_limiter", RateLimiter(visitor_rate=1, shop_rate=2))
    platform = receiver.platforms["shopify"]
    seen = replace(platform.topics[0], name="products/update", storefront=True)
    monkeypatch.setitem(receiver.platforms, "shopify", replace(platform, topics=(*platform.topics, seen)))
    answers = [post(client, BY_NAME["shopify/products_update"]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "1"
    assert (answers[2].json or {})["error"] == "too_many"
    assert post(client, ORDER).status_code == 200
    assert stored_count(client) == 2


@pytest.mark.parametrize(("identity", "status"), [("msg_1", "duplicate"), ("msg_2", "stored")])
def test_repeated_standard_webhook(client: FlaskClient, identity: str, status: str) -> None:
    """A repeated message has a new signature and the same id; the same body under another id is another message."""
    signature, secret = all_platforms()["standard"].signature, shop_keys("standard")["secrets"][0]
    earlier = StandardWebhooks(clock=lambda: time.time() - 200).sign(b"{}", secret, "msg_1")
    assert client.post("/webhooks/standard/own", data=b"{}", headers=earlier).json == {"status": "stored", "id": 1}
    now = signature.sign(b"{}", secret, identity)
    response = client.post("/webhooks/standard/own", data=b"{}", headers=now)
    assert (response.status_code, response.json and response.json["status"]) == (200, status)


def test_unmapped_topic_is_200(client: FlaskClient) -> None:
    """An unmapped topic is stored like any other: refusals would disable a WooCommerce webhook."""
    assert post(client, BY_NAME["shopify/products_update"]).status_code == 200
    assert stored_count(client) == 1


@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_header_names_in_any_case(client: FlaskClient, case: Any) -> None:
    """Header names are case-insensitive."""
    headers = {case(name): value for name, value in ORDER.sent_headers.items()}
    assert client.post("/webhooks/shopify/shop", data=ORDER.body, headers=headers).status_code == 200


def test_ping_is_200_and_stores_nothing(client: FlaskClient) -> None:
    """WooCommerce repeats its unsigned ping until the answer is exactly 200."""
    response = post(client, PING)
    assert (response.status_code, response.json) == (200, {"status": "ping"})
    assert stored_count(client) == 0


def test_shopify_accepts_no_ping(client: FlaskClient) -> None:
    """A ping of one platform is an unsigned request to another."""
    assert post(client, PING, "/webhooks/shopify/shop").status_code == 401


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "signature_missing"),
        ({"X-Shopify-Hmac-Sha256": ""}, "signature_missing"),
        ({"X-Shopify-Hmac-Sha256": "QUJD"}, "signature_mismatch"),
        ({"X-Shopify-Hmac-Sha256": "ü" * 44}, "signature_mismatch"),
        ({"X-Shopify-Hmac-Sha256": "a" * 64}, "signature_mismatch"),
    ],
)
def test_bad_signature_is_401_with_its_reason(client: FlaskClient, headers: dict[str, str], reason: str) -> None:
    """The answer and the log name the same reason, nothing is stored, and nothing sent is repeated."""
    with capture_logs() as lines:
        response = client.post("/webhooks/shopify/shop", data=b"jan@example.test", headers={**TOPIC, **headers})
    assert response.status_code == 401
    assert response.json is not None
    assert response.json["error"] == reason
    assert [(line["event"], line["reason"]) for line in lines] == [("webhook_rejected", reason)]
    assert "jan@example.test" not in str(lines)
    assert stored_count(client) == 0


@pytest.mark.parametrize("headers", [{}, {"X-Shopify-Hmac-Sha256": "QUJD"}, {"Content-Length": "0"}])
@pytest.mark.parametrize("path", ["/webhooks/shopify/shop", "/webhooks/woocommerce/woo", "/webhooks/standard/own"])
def test_absent_body_has_its_own_hint(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    """A body that was lost on the way is named, whatever else is missing."""
    response = client.post(path, headers={**TOPIC, **headers})
    assert response.status_code == 401
    assert (response.json or {})["hint"].startswith("The request has no body")


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "path", ["/webhooks/shopify//shop", "/webhooks//shopify/shop", "/storefront/shopify//shop/search"]
)
def test_doubled_slash_has_a_hint(client: FlaskClient, path: str, method: str) -> None:
    """A URL that was joined with one slash too many is answered with what to correct."""
    response = client.open(path, method=method)
    assert (response.status_code, (response.json or {})["error"]) == (404, "not_found")
    assert "two slashes in a row" in (response.json or {})["hint"]


@pytest.mark.parametrize(
    "path",
    ["/webhooks", "/webhooks/shopify", "/webhook/shopify/shop", "/webhooks/shopify/shop/x", "/Webhooks/shopify/x"],
)
def test_other_webhook_paths_have_a_hint(client: FlaskClient, path: str) -> None:
    """The form of a webhook URL is named where the path looks like one."""
    assert "/webhooks/<platform>/<shop>" in (post(client, ORDER, path).json or {})["hint"]


def test_missing_topic_is_401(client: FlaskClient) -> None:
    """A signed body without a topic is refused."""
    headers = {name: value for name, value in ORDER.sent_headers.items() if "Topic" not in name}
    response = client.post("/webhooks/shopify/shop", data=ORDER.body, headers=headers)
    assert (response.status_code, response.json and response.json["error"]) == (401, "topic_missing")


@pytest.mark.parametrize("path", ["/webhooks/shopify/other", "/webhooks/nothing/shop", "/webhooks/woocommerce/shop"])
def test_unknown_shop_is_404(client: FlaskClient, path: str) -> None:
    """A shop is found under its own platform only."""
    assert post(client, ORDER, path).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/webhooks/shopify/shop", "/webhooks/shopify/shop/"])
def test_other_methods_are_405(client: FlaskClient, method: str, path: str) -> None:
    """The answer to a browser explains what the URL is for."""
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert method == "HEAD" or "webhook URL" in response.text


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/metrics"])
def test_every_405_names_what_is_allowed(client: FlaskClient, path: str) -> None:
    """https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6 requires it of each."""
    response = client.put(path)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert "GET" in response.get_json()["hint"]


def test_a_body_that_is_not_complete_is_named(client: FlaskClient) -> None:
    """The answer says how to send a body."""
    response = client.post("/webhooks/shopify/shop", data=b"{}", environ_overrides={"CONTENT_LENGTH": "99"})
    assert (response.status_code, response.get_json()["error"]) == (400, "bad_request")
    assert "Content-Length" in response.get_json()["hint"]


def test_too_large_is_413(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body beyond MAX_BODY is refused, and the limit named."""
    monkeypatch.setattr(context_of(client).body_reader, "max_size", 1024)
    response = client.post("/webhooks/shopify/shop", data=b"x" * 1025)
    assert response.status_code == 413
    assert "1024 bytes" in response.text


@pytest.mark.parametrize(("room", "status"), [(0, 200), (-1, 413)])
def test_largest_body_passes(client: FlaskClient, monkeypatch: pytest.MonkeyPatch, room: int, status: int) -> None:
    """A body of exactly MAX_BODY is stored, and with a limit one byte lower it is not."""
    monkeypatch.setattr(context_of(client).body_reader, "max_size", len(ORDER.body) + room)
    assert post(client, ORDER).status_code == status
    assert stored_count(client) == (status == 200)


@pytest.mark.parametrize(
    ("encoding", "status"),
    [
        ("gzip", 415),
        ("br", 415),
        ("identity, gzip", 415),
        ("identity", 200),
        ("Identity", 200),
        ("", 200),
        (" , ", 200),
    ],
)
def test_content_encoding(client: FlaskClient, encoding: str, status: int) -> None:
    """A compressed body is refused, since the signature covers the uncompressed bytes."""
    assert post(client, ORDER, **{"Content-Encoding": encoding}).status_code == status


def rename_table(client: FlaskClient, old: str, new: str) -> None:
    with context_of(client).inbox.database.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


@pytest.mark.engines("sqlite", "postgres")
def test_store_away_is_503_with_retry_after(client: FlaskClient) -> None:
    """While the store is unavailable the platform is asked to retry; afterwards it works without a restart."""
    rename_table(client, "deliveries", "away")
    response = post(client, ORDER)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    rename_table(client, "away", "deliveries")
    assert post(client, ORDER).status_code == 200


@pytest.fixture
def spooling(environment: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FlaskClient]:
    """A receiver whose database is away, with a spool."""
    environment.setenv("DATABASE_URL", "postgres://u@127.0.0.1:1/inbox")
    environment.setenv("SPOOL", str(tmp_path / "spool.db"))
    app = create_app()
    yield app.test_client()
    app.extensions["webhooks"].spool.close()
    app.extensions["webhooks"].inbox.close()


def test_spooled_is_200_without_a_number(spooling: FlaskClient) -> None:
    """A spooled webhook is acknowledged; it gets its number later."""
    response = post(spooling, ORDER)
    assert (response.status_code, response.json) == (200, {"status": "spooled"})


def test_ready_while_spooling(spooling: FlaskClient) -> None:
    """Webhooks can be stored while the spool works."""
    response = spooling.get("/readyz")
    assert (response.status_code, response.json) == (200, {"status": "spooling"})


def test_broken_spool_is_503(spooling: FlaskClient, tmp_path: Path) -> None:
    """When neither the database nor the spool can store it, the platform is asked to retry."""
    with processes.file_size_limit(0):
        assert post(spooling, ORDER).status_code == 503
        assert spooling.get("/readyz").status_code == 503
    assert post(spooling, ORDER).json == {"status": "spooled"}


def test_internal_error_is_503(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is no 500; it is logged as an exception, which the formatter names and never quotes."""

    def break_down(_platform: str, _shop: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(context_of(client), "find", break_down)
    with capture_logs() as lines:
        assert post(client, ORDER).status_code == 503
    assert [(line["event"], type(line["exc_info"])) for line in lines] == [("unexpected_error", ZeroDivisionError)]


def test_health(client: FlaskClient) -> None:
    """The process answers its liveness probe."""
    assert client.get("/healthz").json == {"status": "ok"}


@pytest.mark.engines("sqlite", "postgres")
def test_ready(client: FlaskClient) -> None:
    """A migrated store is ready."""
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("address", ["sqlite:////dev/null/inbox.db", "postgres://u@127.0.0.1:1/inbox"])
def test_not_ready_without_a_database(environment: pytest.MonkeyPatch, address: str) -> None:
    """A store that cannot be opened is not ready."""
    environment.setenv("DATABASE_URL", address)
    app = create_app()
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    app.extensions["webhooks"].inbox.close()


@pytest.mark.engines("sqlite", "postgres")
def test_not_ready_without_migrations(environment: pytest.MonkeyPatch) -> None:
    """A store without tables is not ready."""
    app = create_app()
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    assert "migrate" in response.text
    app.extensions["webhooks"].inbox.close()


def test_unknown_page_is_404_json(client: FlaskClient) -> None:
    """Unknown paths are answered in the same form."""
    assert client.get("/wp-login.php").json == {"error": "not_found"}


@pytest.mark.engines("sqlite", "postgres")
def test_only_relevant_headers_are_stored(client: FlaskClient) -> None:
    """The signature and unrelated headers are not stored."""
    post(client, ORDER, Cookie="session=1", Authorization="Bearer x")
    stored = stored_deliveries.body(context_of(client).inbox, 1)
    assert stored is not None
    assert "x-shopify-topic" in stored[0]
    assert not {"cookie", "authorization", "x-shopify-hmac-sha256"} & set(stored[0])


def test_log_holds_no_personal_data(client: FlaskClient) -> None:
    """At debug level shop, topic and number of a delivery are logged, and nothing of the customer."""
    with capture_logs() as lines:
        post(client, WOO_ORDER)
    order = json.loads(WOO_ORDER.body)
    personal = [order["billing"][name] for name in ("email", "phone", "first_name", "last_name", "address_1")]
    assert "order.created" in str(lines)
    assert not [text for text in personal if text and text in str(lines)]


@given(
    body=st.binary(max_size=300),
    headers=st.dictionaries(
        st.sampled_from(
            ["X-Shopify-Hmac-Sha256", "X-Shopify-Topic", "X-WC-Webhook-Signature", "Content-Type", "X-Y", *STANDARD]
        ),
        st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=60),
    ),
    path=st.sampled_from(
        [
            "/webhooks/shopify/shop",
            "/webhooks/woocommerce/woo",
            "/webhooks/standard/own",
            "/webhooks/%00/%ff",
            "/webhooks/a/b/",
        ]
    ),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_unverified_requests_get_no_500_and_store_nothing(
    client: FlaskClient, body: bytes, headers: dict[str, str], path: str
) -> None:
    """Any unverified request is refused with a reason and stores nothing."""
    response = client.post(path, data=body, headers=headers)
    assert response.status_code in {200, 400, 401, 404, 415}
    assert response.status_code != 200 or response.json == {"status": "ping"}
    assert stored_count(client) == 0
