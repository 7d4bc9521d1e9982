"""The read API: who may read, keyset pages, and the values of the pages with personal data masked."""

from __future__ import annotations

import json
import time
import tracemalloc
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from tests.support.dashboard import configured
from tests.support.demo_data import DemoData
from webhook_app.api.token_access import MOST_ADDRESSES, WITHIN, WRONG, TokenAccess
from webhook_app.inbox.reports import accounting, stored_deliveries
from webhook_app.openapi.document import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from webhook_app.inbox import Inbox

TOKEN = "a-token-of-machines"
PATHS = ("/api/deliveries", "/api/deliveries/1", "/api/shops", "/api/health", "/api/accounting")


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch, migrated_url: str) -> Iterator[tuple[FlaskClient, Inbox]]:
    """A client of an inbox with two weeks of orders, on either engine."""
    data = DemoData(migrated_url, int(time.time() * 1000))
    data.fill(orders=30)
    app = configured(monkeypatch, migrated_url, API_TOKEN=TOKEN)
    yield app.test_client(), data.inbox
    data.inbox.close()
    app.extensions["webhooks"].inbox.close()


def get(client: FlaskClient, path: str, token: str = TOKEN, **environ: str) -> TestResponse:
    return client.get(path, headers={"Authorization": f"Bearer {token}"}, environ_overrides=environ)


def read(client: FlaskClient, path: str) -> dict[str, Any]:
    answer = get(client, path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers
    name = path.partition("?")[0]
    written = document(with_reads=True)
    if name in written["paths"]:
        content = written["paths"][name]["get"]["responses"]["200"]["content"]["application/json"]
        jsonschema_rs.validate({**content["schema"], "components": written["components"]}, answer.json)
    body: dict[str, Any] = answer.get_json()
    return body


def test_pages_have_every_delivery_once(filled: tuple[FlaskClient, Inbox]) -> None:
    """Newest first, whatever arrives meanwhile; filters, figures and accounts are those of the inbox, masked."""
    client, inbox = filled
    rows = stored_deliveries.newest(inbox, 10_000)
    found, below = list[dict[str, Any]](), ""
    while True:
        page = read(client, f"/api/deliveries?limit=37{below}")
        found += page["deliveries"]
        if page["next"] is None:
            break
        below = f"&below={page['next']}"
    assert [one["id"] for one in found] == [row.id for row in rows]
    keys = {json.loads(row.call)["ProfileKey"] for row in rows if row.call and "ProfileKey" in row.call}
    assert keys
    assert not [key for key in keys if key in json.dumps(found)]
    one = read(client, f"/api/deliveries/{rows[0].id}")
    assert one == found[0]
    ignored = [row.id for row in rows if row.state == "ignored"]
    assert ignored
    assert [one["id"] for one in read(client, "/api/deliveries?state=ignored&limit=200")["deliveries"]] == ignored
    since = datetime.fromtimestamp(rows[4].received_at / 1000, UTC).isoformat().replace("+00:00", "Z")
    recent = read(client, f"/api/deliveries?since={since}")["deliveries"]
    assert {one["id"] for one in recent} == {row.id for row in rows if row.received_at >= rows[4].received_at}
    day = datetime.fromtimestamp(rows[len(rows) // 2].received_at / 1000, UTC).date()
    _check_figures(client, inbox, day)


def _check_figures(client: FlaskClient, inbox: Inbox, day: date) -> None:
    accounts = read(client, f"/api/accounting?day={day}")
    assert accounts["adds_up"]
    assert accounts["total"]["received"] == accounting.totals(accounting.of_day(inbox, day)).received > 0
    shops = read(client, "/api/shops")["shops"]
    assert "demo-shopify" in [one["name"] for one in shops]
    assert sum(one["last_24_hours"]["received"] for one in shops) > 0
    assert {one["state"] for one in shops} <= {"ok", "warning", "error"}
    assert sum(one["orders"] for one in shops) > 0
    assert [one["refused"] for one in shops] == [15, 0, 0]
    assert {one["check"] for one in read(client, "/api/health")["findings"]}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> Iterator[FlaskClient]:
    """A client of an empty inbox."""
    app = configured(monkeypatch, sqlite_url, API_TOKEN=TOKEN)
    yield app.test_client()
    app.extensions["webhooks"].inbox.close()


def test_without_a_token_nothing_is_read(client: FlaskClient) -> None:
    """A missing or wrong token is a 401 without data; nothing can be changed."""
    for path in PATHS:
        assert client.get(path).status_code == 401
        assert client.get(f"{path}?token={TOKEN}").status_code == 401
        assert client.post(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405
        assert client.options(path).status_code == 401
    for given in ("", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN):
        answer = client.get("/api/shops", headers={"Authorization": given})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert get(client, "/api/shops").status_code == 200
    assert client.get("/api/shops", headers={"Authorization": f"bearer  {TOKEN} "}).status_code == 200


def test_wrong_tokens_are_limited_by_address(client: FlaskClient) -> None:
    """The right one is accepted meanwhile: behind a proxy all clients may have one address."""
    for number in range(WRONG):
        assert get(client, "/api/shops", f"wrong{number}").status_code == 401
    answer = get(client, "/api/shops", "wrong")
    assert (answer.status_code, answer.get_json()["error"]) == (429, "too_many_wrong_tokens")
    assert 0 < int(answer.headers["Retry-After"]) <= WITHIN + 1
    assert get(client, "/api/shops").status_code == 200
    assert client.get("/api/shops").status_code == 401
    assert get(client, "/api/shops", "wrong", REMOTE_ADDR="192.0.2.1").status_code == 401


def test_wrong_queries_are_messages(client: FlaskClient) -> None:
    """Never all rows, never a 500: the answer names what is wrong."""
    for query in (
        "state=lost",
        "limit=0",
        "limit=201",
        "limit=x",
        "below=0",
        "below=99999999999999999999",
        "since=now",
        "colour=red",
        "shop=",
        "shop=a&shop=b",
        "cause=ours&state=dead",
        "order=%00",
        "reason=%C3%A9",
    ):
        answer = get(client, f"/api/deliveries?{query}")
        assert (answer.status_code, answer.get_json().get("error")) == (400, "bad_query"), (query, answer.text)
    assert get(client, "/api/deliveries?since=0001-01-01T00:00:00%2B23:59").status_code in {200, 400}
    for query in ("day=2026-13-01", "day=1999-12-31", "day=9999-12-31", "shop=unknown", "day=2026-11-26T10:00"):
        assert list(get(client, f"/api/accounting?{query}").get_json()["errors"]) == [query.partition("=")[0]]
    assert get(client, "/api/accounting?day=2999-12-31").status_code == 200
    assert get(client, "/api/deliveries/99999999999999999999").get_json()["error"] == "unknown_delivery"
    assert get(client, "/api/shops?x=1").status_code == 400


def test_without_api_token_there_is_no_api(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    """The paths do not exist, and are not in the document."""
    app = configured(monkeypatch, sqlite_url, API_TOKEN="")
    with app.test_client() as client:
        assert {get(client, path).status_code for path in PATHS} == {404}
        assert not [path for path in client.get("/openapi.json").get_json()["paths"] if path.startswith("/api")]
    app.extensions["webhooks"].inbox.close()


def test_the_document_has_the_paths(client: FlaskClient) -> None:
    """Where there is a token; each needs it."""
    written = client.get("/openapi.json").get_json()
    reads = {path: one["get"] for path, one in written["paths"].items() if path.startswith("/api/")}
    assert set(reads) == {path.replace("/1", "/{number}") for path in PATHS}
    assert all(one["security"] == [{"ReadToken": []}] for one in reads.values())
    assert "limit" in [one["name"] for one in reads["/api/deliveries"]["parameters"]]


def test_memory_of_wrong_tokens_is_limited() -> None:
    """However many addresses send wrong ones; after a while an address may try again."""
    now = [0.0]
    access = TokenAccess(TOKEN, lambda: now[0])
    for address in ("forgotten", "remembered") * WRONG:
        assert not access.refuse("Bearer wrong", address)
    for number in range(MOST_ADDRESSES - 2):
        assert not access.refuse("Bearer wrong", f"{number}")
    assert access.refuse("Bearer wrong", "remembered")
    assert not access.refuse("Bearer wrong", "one more")
    assert not access.refuse("Bearer wrong", "forgotten")
    assert access.refuse("Bearer wrong", "remembered")
    for _ in range(WRONG):
        assert access.refuse("Bearer \udcff", "here") == 0
    assert access.refuse("Bearer wrong", "here") == WITHIN + 1
    now[0] = WITHIN
    assert access.refuse("Bearer wrong", "here") == 0


def test_who_sends_no_wrong_token_is_not_remembered() -> None:
    """Requests without a token take no memory, from however many addresses they come."""
    access = TokenAccess(TOKEN)
    tracemalloc.start()
    try:
        for number in range(2000):
            assert not access.accepts("")
            assert access.refuse("", f"2001:db8:{number:x}::/64") == 0
        assert tracemalloc.get_traced_memory()[0] < 50_000
    finally:
        tracemalloc.stop()
