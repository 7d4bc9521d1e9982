"""The running server follows openapi.json: schemathesis sends requests, and every answer is checked against it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from standardwebhooks import Webhook

from schemas.events import Ignored
from tests.support import processes
from tests.support.recordings import as_toml, shop_keys
from webhook_app.app import create_app
from webhook_app.openapi import texts
from webhook_app.openapi.document import PATH, document
from webhook_app.openapi.page import page
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient
    from schemathesis import BaseSchema, Case

STANDARD = all_platforms()["standard"]
SHOP = shop_keys("standard")
SECRET = SHOP["secrets"][0]
HOOK = "/webhooks/standard/shop"
SEARCH = b'{"type": "search", "data": {"term": "mug", "profile_key": "9f2c4be1a07d4c55"}}'
# A failing example is not made smaller: each step would be another request.
QUICK = settings(
    max_examples=40,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


# Half a minute for a body is too long for a test.
IMPATIENT = """
def post_worker_init(_worker):
    from webhook_app.web import request_body
    request_body.READ_TIMEOUT = 1.0
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a web process with one shop, called shop."""
    folder, port = tmp_path_factory.mktemp("openapi"), processes.free_port()
    address = f"http://127.0.0.1:{port}"
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{folder / 'inbox.db'}",
        SHOPS=as_toml("shop", SHOP),
        PORT=str(port),
        WEB_CONCURRENCY="1",
        SHOP_RATE="100000",
    )
    processes.migrate(env)
    config, log = folder / "gunicorn.conf.py", folder / "log"
    config.write_text((processes.ROOT / "gunicorn.conf.py").read_text() + IMPATIENT)
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "gunicorn", "--config", str(config)]
        process = subprocess.Popen(command, cwd=processes.ROOT, env=env, stdout=sink, stderr=sink)
    try:
        processes.wait_until_ready(f"{address}/readyz", process, log)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def api(server: str) -> BaseSchema:
    """What openapi.json of the running server describes."""
    return schemathesis.openapi.from_url(f"{server}/openapi.json")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FlaskClient]:
    """A receiver in this process, whose database has no tables yet: it can store nothing."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    for name, value in {"DATABASE_URL": f"sqlite:///{tmp_path / 'inbox.db'}", "SHOPS": as_toml("shop", SHOP)}.items():
        monkeypatch.setenv(name, value)
    app = create_app()
    yield app.test_client()
    app.extensions["webhooks"].inbox.close()


def signed(body: bytes) -> dict[str, str]:
    """The headers of a message that the official library signed just now, under an id of its own."""
    identity, now = f"msg_{uuid4().hex}", datetime.now(UTC)
    signature = Webhook(SECRET).sign(identity, now, body.decode())
    return {"webhook-id": identity, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def cases(api: BaseSchema, method: str, mode: GenerationMode) -> Any:
    return api[PATH][method].as_strategy(generation_mode=mode)


@pytest.mark.process
@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_any_request_gets_a_documented_answer(api: BaseSchema, mode: GenerationMode) -> None:
    """Any request without a signature gets a documented status, headers and body."""

    @given(case=cases(api, "POST", mode), known=st.booleans())
    @QUICK
    def ask(case: Case[Any], known: bool) -> None:
        case.path_parameters = {"shop": "shop"} if known else case.path_parameters
        response = case.call()
        assert response.status_code in {401, 404}
        case.validate_response(response)

    ask()


@pytest.mark.process
def test_the_other_method_is_documented(api: BaseSchema) -> None:
    """A GET request gets the documented refusal."""

    @given(case=cases(api, "GET", GenerationMode.POSITIVE))
    @settings(QUICK, max_examples=5)
    def ask(case: Case[Any]) -> None:
        response = case.call()
        assert response.status_code == 405
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    ask()


@pytest.mark.process
def test_what_the_document_allows_is_stored_and_understood(api: BaseSchema, server: str) -> None:
    """Every signed message that follows the document is accepted and can be translated."""

    @given(case=cases(api, "POST", GenerationMode.POSITIVE))
    @settings(QUICK, max_examples=60)
    def send(case: Case[Any]) -> None:
        message: Any = whole(case.body)
        body = json.dumps(message).encode()
        response = requests.post(f"{server}{HOOK}", data=body, headers=signed(body), timeout=10)
        assert (response.status_code, response.json()["status"]) == (200, "stored")
        case.validate_response(response)
        assert not isinstance(STANDARD.translate(message["type"], parse_json(body)), Ignored)

    send()


def whole(value: Any) -> Any:
    """To JSON Schema 1.0 is a whole number; here it is written as one, since an id must be."""
    if isinstance(value, dict):
        return {name: whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check(code: int, content_type: str, text: str) -> None:
    """Hold an answer to the document."""
    written = document()
    content = written["paths"][PATH]["post"]["responses"][str(code)]["content"]
    schema = content[content_type.partition(";")[0]]["schema"]
    if content_type.startswith("application/json"):
        jsonschema_rs.validate({**schema, "components": written["components"]}, json.loads(text))


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "path", "changed", "body"),
    [
        (200, HOOK, {}, SEARCH),
        (200, f"{HOOK}/", {}, b"no JSON"),
        (401, HOOK, {"webhook-timestamp": "yesterday"}, SEARCH),
        (404, "/webhooks/standard/unknown", {}, SEARCH),
        (413, HOOK, {}, b"x" * (5 * 1024 * 1024 + 1)),
        (415, HOOK, {"content-encoding": "gzip"}, SEARCH),
        (431, HOOK, {f"x-{number}": "y" for number in range(200)}, SEARCH),
    ],
)
def test_answers_over_the_wire(server: str, code: int, path: str, changed: dict[str, str], body: bytes) -> None:
    """Each answer that a client can cause is as documented, the second time as well."""
    headers = {**signed(body), **changed}
    for _ in "ab":
        response = requests.post(f"{server}{path}", data=body, headers=headers, timeout=10)
        assert response.status_code == code
        check(code, response.headers["Content-Type"], response.text)


@pytest.mark.process
@pytest.mark.parametrize(
    ("sent", "ends", "code"),
    [
        (b"Content-Length: 9\r\n\r\ncut", True, 400),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", True, 400),
        (b"No colon\r\n\r\n", True, 400),
        (b"Content-Length: 9\r\n\r\ncut", False, 408),
        (b"Transfer-Encoding: chunked\r\n\r\n9\r\ncut", False, 408),
    ],
)
def test_unfinished_requests_over_the_wire(server: str, sent: bytes, ends: bool, code: int) -> None:
    """What is no whole request, or never becomes one, is answered as JSON or by the web server itself."""
    with socket.create_connection(("127.0.0.1", int(server.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(f"POST {HOOK} HTTP/1.1\r\nHost: x\r\n".encode() + sent)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        with closing(http.client.HTTPResponse(connection)) as response:
            response.begin()
            assert response.status == code
            check(code, response.headers["Content-Type"], response.read().decode())


def test_a_store_that_is_away(client: FlaskClient) -> None:
    """While nothing can be stored the sender is asked to come again."""
    response = client.post(HOOK, data=SEARCH, headers=signed(SEARCH))
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    check(503, response.content_type, response.text)


@pytest.mark.parametrize(
    ("topic", "code"), [(topic.name, 429 if topic.storefront else 503) for topic in STANDARD.topics]
)
def test_too_many_of_a_shop(client: FlaskClient, monkeypatch: pytest.MonkeyPatch, topic: str, code: int) -> None:
    """What browsers cause is turned away beyond SHOP_RATE, and a purchase never (here it meets the missing store)."""
    monkeypatch.setattr(client.application.extensions["webhooks"].rate_limiter, "take", lambda *_: 7)
    body = json.dumps({"type": topic, "data": {}}).encode()
    response = client.post(HOOK, data=body, headers=signed(body))
    assert response.status_code == code
    assert response.headers["Retry-After"] == ("7" if code == 429 else "30")
    check(code, response.content_type, response.text)


def test_the_document_is_served(client: FlaskClient) -> None:
    """The document is OpenAPI 3.1."""
    response = client.get("/openapi.json")
    assert response.json == document()
    assert response.json["openapi"] == "3.1.0"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_every_message_is_in_the_document() -> None:
    """Each topic has its schema, its place under the discriminator, and an example that follows the schema."""
    written = document()
    content = written["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]
    assert list(content["schema"]["discriminator"]["mapping"]) == [topic.name for topic in STANDARD.topics]
    for topic, example in content["examples"].items():
        schema = {**content["schema"], "components": written["components"]}
        jsonschema_rs.validate(schema, example["value"])
        assert example["value"]["type"] == topic


def test_every_field_is_described() -> None:
    """No field of a message goes without a sentence, and no sentence without a field."""
    schemas = document()["components"]["schemas"]
    messages = {name: schema for name, schema in schemas.items() if name not in {"Accepted", "Refused"}}
    named = {name: field for schema in messages.values() for name, field in schema["properties"].items()}
    assert set(named) == set(texts.FIELDS)
    assert all(field["description"] for field in named.values())


def test_page_is_the_same_beside_the_dashboard(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dashboard has a template environment of its own: it changes no other page."""
    monkeypatch.setenv("DASHBOARD_PASSWORD", "correct horse battery staple")
    with create_app().app_context():
        beside_the_dashboard = page()
    with client.application.app_context():
        assert "".join(beside_the_dashboard.split()) == "".join(page().split())


def test_the_page_says_it_all(client: FlaskClient) -> None:
    """People read every message, field, answer and reason, on a page that loads nothing from elsewhere."""
    response = client.get("/docs/")
    assert response.status_code == client.get("/docs").status_code == 200
    wanted = [*(topic.name for topic in STANDARD.topics), *texts.FIELDS, *texts.REASONS, *map(str, texts.ANSWERS)]
    assert not [word for word in wanted if word not in response.text]
    assert "data.lines[].sku" in response.text
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert re.findall(r'(?:src|href)="([^"#]+)"', response.text) == ["/docs/openapi.css", "/openapi.json"]
    assert not re.findall(r"<script|<style| style=| on[a-z]+=", response.text)
    with client.get("/docs/openapi.css") as style:
        assert style.mimetype == "text/css"
