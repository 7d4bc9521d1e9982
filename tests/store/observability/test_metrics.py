"""Metrics: access, counts of real traffic in several processes, and their documentation."""

from __future__ import annotations

import json
import re
import socket
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from tests.support import processes
from tests.support.deliveries import CALL, arrival, claim, settle
from tests.support.recordings import EVERY, as_toml, shop_keys
from tests.support.service import Service
from tests.support.statements import statements_of
from webhook_app.app import create_app
from webhook_app.config import settings
from webhook_app.inbox import Inbox, State, migrate
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind
from webhook_app.inbox.presence import WORKER, Presence
from webhook_app.instrumentation import Meter, NullMeter
from webhook_app.observability import metrics, metrics_folder
from webhook_app.observability.gauges import GAUGES, Gauge
from webhook_app.observability.known_series import known_series
from webhook_app.observability.machine_gauges import MACHINE_GAUGES, MachineCollector
from webhook_app.observability.metrics import METRICS, Metric, PrometheusMeter
from webhook_app.observability.metrics_page import MetricsPage
from webhook_app.platforms import all_platforms
from webhook_app.throttling.state import Scope, ThrottleState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from tests.conftest import Clock
    from tests.support.postgres import Server

TOKEN = "a-token-of-this-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ORDER = next(one for one in EVERY if one.name == "shopify/orders_create__note-attributes")
DOCS = Path(__file__).parents[3] / "docs"
SHOPS = {"acme": replace(ORDER.shop, name="acme")}


class Samples:
    """Every sample of a page, by its name and its labels' values in any order; None for one that is not there."""

    def __init__(self, page: str) -> None:
        families = text_string_to_metric_families(page)
        found = [one for family in families for one in family.samples]
        self._values = {(one.name, *sorted(one.labels.values())): one.value for one in found}

    def __getitem__(self, name: str | tuple[str, ...]) -> float | None:
        first, *labels = [name] if isinstance(name, str) else name
        return self._values.get((first, *sorted(labels)))


def scraped(inbox: Inbox, meter: Meter | None = None) -> Samples:
    config = replace(settings.load(), metrics_token=TOKEN)
    page = Client(MetricsPage(inbox, SHOPS, meter or PrometheusMeter(), config))
    response = page.get("/metrics", headers=BEARER)
    assert response.status_code == 200
    return Samples(response.text)


# Access


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, migrated_url: str) -> pytest.MonkeyPatch:
    """The settings of a receiver with one shop."""
    for name in ("SHOPS_FILE", "SPOOL", "METRICS_TOKEN", metrics_folder.FOLDER):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", as_toml("shop", shop_keys("shopify")))
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    return monkeypatch


@pytest.fixture
def client(environment: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A client of a receiver that has a token for metrics."""
    environment.setenv("METRICS_TOKEN", TOKEN)
    app = create_app()
    yield app.test_client()
    app.extensions["webhooks"].inbox.close()


def test_off_until_there_is_a_token(environment: pytest.MonkeyPatch) -> None:
    """Without METRICS_TOKEN the page does not exist, whatever is sent, and nothing is measured."""
    app = create_app()
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
        assert app.test_client().get("/metrics", headers=headers).status_code == 404
    assert type(app.extensions["webhooks"].meter) is NullMeter
    app.extensions["webhooks"].inbox.close()


def test_another_token_is_401(client: FlaskClient) -> None:
    """Without the right token nothing is shown."""
    for sent in ("", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer é"):
        response = client.get("/metrics", headers={"Authorization": sent.encode().decode("latin-1")})
        assert (response.status_code, b"webhooks_" in response.data) == (401, False), sent


def test_the_scheme_may_be_in_any_case(client: FlaskClient) -> None:
    """https://www.rfc-editor.org/rfc/rfc9110#section-11.1, for the metrics as for the probe."""
    for path in ("/metrics", "/healthz?full"):
        for sent in (f"bearer {TOKEN}", f"BEARER  {TOKEN} "):
            assert client.get(path, headers={"Authorization": sent}).status_code == 200


def test_receiver_counts(client: FlaskClient) -> None:
    """Accepts and refusals are counted by platform, shop and what was answered."""
    url = "/webhooks/shopify/shop"
    for _ in range(2):
        client.post(url, data=ORDER.body, headers=ORDER.sent_headers)
    client.post(url, data=b"{}")
    client.post("/webhooks/shopify/invented-shop", data=b"{}")
    page = client.get("/metrics", headers=BEARER).text
    found = Samples(page)
    assert found["webhooks_accepted_total", "shopify", "shop", "stored"] == 1
    assert found["webhooks_accepted_total", "shopify", "shop", "duplicate"] == 1
    assert found["webhooks_refused_total", "shopify", "shop", "signature_missing"] == 1
    assert found["webhooks_refused_total", "", "", "unknown_shop"] == 1
    assert found["webhooks_accept_seconds_count"] == 2
    assert found["webhooks_commit_seconds_count"] == 2
    assert found["webhooks_unfinished", "shop", "received"] == 1
    assert "invented-shop" not in page


def test_known_series_begin_at_0(client: FlaskClient) -> None:
    """Every counter of a shop is there before anything is counted: an increase is computed from one to the next."""
    page = client.get("/metrics", headers=BEARER).text
    found = Samples(page)
    for result in ("stored", "duplicate", "spooled", "ping"):
        assert found["webhooks_accepted_total", "shopify", "shop", result] == 0
    for reason in (*all_platforms()["shopify"].refusals, "unavailable", "too_large", "request_timeout"):
        assert found["webhooks_refused_total", "shopify", "shop", reason] == 0, reason
    for state, reason in (("delivered", ""), ("dead", "gave_up_http_503"), ("ignored", "no_profile")):
        assert found["webhooks_settled_total", "shop", state, reason] == 0
    assert found["webhooks_calls_total", "shop", "purchase", "http_429"] == 0
    assert found["webhooks_refused_total", "", "", "unknown_shop"] == 0


def test_known_series_of_many_shops_are_few() -> None:
    """With 200 shops, only what alert rules use: below 15,000 series."""
    shops = {f"shop{number}": replace(ORDER.shop, name=f"shop{number}") for number in range(200)}
    count = sum(map(len, known_series(shops).values()))
    assert 200 * 20 < count < 15_000
    few = known_series({"shop1": shops["shop1"]})
    assert sum(map(len, few.values())) < 160


def test_signature_schemes_name_their_reasons() -> None:
    """Every reason of a 401 that the documentation lists is one that some platform names, and the other way round."""
    text = (DOCS / "troubleshooting.md").read_text().partition("## The answer is 401")[2].partition("\n\nFor ")[0]
    documented = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))))
    named = {reason for platform in all_platforms().values() for reason in platform.refusals}
    assert named - {"too_many"} == documented


# Gauges of the inbox


def test_backlog_by_state(inbox: Inbox, clock: Clock) -> None:
    """Unfinished deliveries are counted by state, with the age of the oldest, and dead ones apart."""
    for name in "abcde":
        inbox.store(arrival(name))
        clock.move(10)
    first, second, third = claim(inbox, 3)
    settle(inbox, first, State.DELIVERED, call=CALL)
    settle(inbox, second, State.WAITING, reason="timeout", retry_in=60)
    settle(inbox, third, State.DEAD, reason="http_400")
    claim(inbox, 1)
    found = scraped(inbox)
    depth = [found["webhooks_unfinished", "acme", state] for state in ("received", "delivering", "waiting")]
    assert depth == [1, 1, 1]
    assert found["webhooks_oldest_unfinished_seconds", "acme"] == 40
    assert found["webhooks_dead", "acme"] == 1
    assert found["webhooks_database_up"] == 1


def test_shop_without_deliveries_has_zeros(inbox: Inbox) -> None:
    """A missing series could not be compared with anything."""
    found = scraped(inbox)
    assert found["webhooks_unfinished", "acme", "received"] == 0
    assert found["webhooks_oldest_unfinished_seconds", "acme"] == 0
    assert found["webhooks_dead", "acme"] == 0
    assert found["webhooks_breaker_open", "shop acme"] == 0


def test_throttles(inbox: Inbox, clock: Clock) -> None:
    """An open breaker and a lowered rate are reported by scope."""
    acme, x = Scope.shop("acme"), Scope.tweakwise("x")
    inbox.update_throttle(acme, lambda _: (ThrottleState(acme, open_until=clock.now + 1000), None))
    inbox.update_throttle(x, lambda _: (ThrottleState(x, rate=5.0, rate_at=clock.now), None))
    found = scraped(inbox)
    assert found["webhooks_breaker_open", "shop acme"] == 1
    assert found["webhooks_breaker_open", "tweakwise x"] == 0
    assert found["webhooks_calls_per_second_limit", "tweakwise x"] == 5
    assert found["webhooks_calls_per_second_limit", "shop acme"] is None


def test_last_received_by_topic(inbox: Inbox, clock: Clock) -> None:
    """When each mapped topic was last received; topics that no platform maps are one series."""
    kind, shop = ActivityKind.TOPIC, ("acme", ORDER.shop.platform)
    for topic in ("orders/create", "made/up", "of-any/kind"):
        clock.move(10)
        activity.record(inbox, [ActivityCount(*shop, kind, topic, 1, clock.now, clock.now)])
    found = scraped(inbox)
    name = "webhooks_last_received_timestamp_seconds"
    assert found[name, "acme", "orders/create"] == (clock.now - 20_000) / 1000
    assert found[name, "acme", "other"] == clock.now / 1000
    assert found[name, "acme", "orders/updated"] == 0


def test_worker_and_retention(inbox: Inbox, clock: Clock) -> None:
    """When a worker last ran, and for how long a body is stored that retention should have deleted."""
    found = scraped(inbox)
    assert found["webhooks_worker_last_seen_timestamp_seconds"] == found["webhooks_retention_overdue_seconds"] == 0
    inbox.store(arrival())
    settle(inbox, claim(inbox, 1)[0], State.DELIVERED, call=CALL)
    Presence(inbox, WORKER).record()
    seen = clock.now / 1000
    clock.move(7 * 86_400 + 3600)
    found = scraped(inbox)
    assert found["webhooks_worker_last_seen_timestamp_seconds"] == seen
    assert found["webhooks_retention_overdue_seconds"] == 3600


def test_machine(sqlite_url: str, tmp_path: Path) -> None:
    """The disks of inbox and spool, and how many deliveries wait in the spool."""
    with closing(Inbox(f"sqlite:///{tmp_path}/spool.db")) as spool:
        migrate.upgrade(spool.database)
        spool.store(arrival())
    config = replace(settings.load(), database_url=sqlite_url, spool=f"{tmp_path}/spool.db")
    families = {family.name: family for family in MachineCollector(config).collect()}
    assert [sample.value for sample in families["webhooks_spooled"].samples] == [1]
    free = {sample.labels["of"]: sample.value for sample in families["webhooks_disk_free_bytes"].samples}
    assert [*free] == ["inbox", "spool"]
    assert min(free.values()) > 0


def test_unavailable_database_is_a_metric(postgres: Server) -> None:
    """A scrape does not fail with the database: that is when it is needed."""
    with postgres.database() as address, closing(Inbox(address)) as inbox, postgres.stopped():
        meter = PrometheusMeter()
        meter.refused("shopify", "acme", "unavailable")
        found = scraped(inbox, meter)
    assert found["webhooks_database_up"] == 0
    assert found["webhooks_refused_total", "shopify", "acme", "unavailable"] == 1
    assert found["webhooks_unfinished", "acme", "received"] is None


def test_scraping_reads_indexes_only(sqlite_url: str) -> None:
    """Settled deliveries cost nothing: every statement uses an index of the others."""
    with closing(Inbox(sqlite_url)) as inbox:
        inbox.store(arrival())
        with statements_of(inbox) as asked:
            scraped(inbox)
        explained = [(f"EXPLAIN QUERY PLAN {sql}", given) for sql, given in asked if "FROM deliveries" in sql]
        with inbox.database.read() as connection:
            plans = [row[3] for sql, given in explained for row in connection.exec_driver_sql(sql, given)]
    reads = [plan for plan in plans if "deliveries" in plan]
    assert len(reads) == 5
    assert all(re.search(r"USING (COVERING )?INDEX ix_|USING INTEGER PRIMARY KEY", plan) for plan in reads), reads


@pytest.mark.parametrize(
    ("reason", "label", "result"),
    [
        ("", "", "ok"),
        ("http_429", "http_429", "http_429"),
        ("http_418", "http_4xx", "http_4xx"),
        ("http_599", "http_5xx", "http_5xx"),
        ("gave_up_http_503", "gave_up_http_503", "http_503"),
        ("gave_up_http_520", "gave_up_http_5xx", "http_5xx"),
        ("parked_timeout", "parked_timeout", "timeout"),
        ("no_profile", "no_profile", "no_profile"),
    ],
)
def test_reasons_as_labels(reason: str, label: str, result: str) -> None:
    """A rare status does not become a value of a label."""
    assert (metrics.bounded(reason), metrics.result_of(metrics.bounded(reason))) == (label, result)


# In several processes


LINES = ("GET /metrics", "GET /", "PUT /x")
PROPER = [f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" for line in LINES]
NOT_HTTP = ["no http\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", f"GET /{'a' * 70_000} HTTP/1.1\r\n\r\n"]


def answered(port: int, sent: str) -> bytes:
    """The head of the answer in lower case."""
    with socket.create_connection(("127.0.0.1", port), timeout=processes.LONGEST) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent.encode())
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: received(connection), b"")).partition(b"\r\n\r\n")[0].lower()


def received(connection: socket.socket) -> bytes:
    """Return what comes next; nothing at the end, and where the connection is reset."""
    with suppress(ConnectionError):
        return connection.recv(65536)
    return b""


@pytest.mark.process
def test_web_processes_and_worker_count_together(tmp_path: Path, sqlite_url: str) -> None:
    """Two web processes and a worker are one page, at whichever of them, and the worker has one of its own.

    No listener names its server, also in answers to what is not HTTP, and the worker's is where BIND says.
    """
    folder, port = tmp_path / "metrics", processes.free_port()
    shared = {metrics_folder.FOLDER: str(folder), "METRICS_TOKEN": TOKEN, "METRICS_PORT": str(port)} | {
        "BIND": "127.0.0.1"
    }
    with Service(tmp_path, sqlite_url, WEB_CONCURRENCY="2", **shared) as service:
        service.start_all()
        count = 20  # the kernel chooses the web process for each connection
        assert [service.post(number).status_code for number in range(1, count + 1)] == [200] * count
        service.wait_for(set(range(1, count + 1)))
        processes.wait_for(lambda: delivered(service.url) == count)
        pages = [at(service.url) for _ in range(6)] + [at(f"http://127.0.0.1:{port}")]
        assert requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).status_code == 401
        assert requests.get(f"http://127.0.0.1:{port}/", headers=BEARER, timeout=10).status_code == 404
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.2:{port}/metrics", timeout=10)
        ports = (service.port, service.sandbox_port, port)
        proper = [answered(one, sent) for one in ports for sent in PROPER]
        refused = [answered(one, sent) for one in ports for sent in NOT_HTTP]
    assert [head for head in proper + refused if b"\r\nserver:" in head] == []
    assert [head for head in proper if b"\r\nx-content-type-options: nosniff" not in head] == []
    for page in pages:
        assert page["webhooks_accepted_total", "shopify", "demo-shopify", "stored"] == count
        assert page["webhooks_calls_total", "demo-shopify", "purchase", "ok"] == count
        assert page["webhooks_settled_total", "demo-shopify", "delivered", ""] == count
        assert page["webhooks_delivery_seconds_count"] == page["webhooks_call_seconds_count"] == count
        assert page["webhooks_unfinished", "demo-shopify", "received"] == 0


def at(url: str) -> Samples:
    response = requests.get(f"{url}/metrics", headers=BEARER, timeout=10)
    assert response.status_code == 200
    return Samples(response.text)


def delivered(url: str) -> float | None:
    return at(url)["webhooks_settled_total", "demo-shopify", "delivered", ""]


# Documentation


NAMED: tuple[Metric | Gauge[Any], ...] = (*METRICS, *GAUGES, *MACHINE_GAUGES)
LABELS = {metric.full_name: metric.labels for metric in NAMED}


def test_registry_has_every_metric() -> None:
    """The names in METRICS are those that prometheus_client shows."""
    families = [*PrometheusMeter().registry.collect()]
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert names == {metric.full_name for metric in METRICS}


def test_every_metric_is_documented() -> None:
    """The tables of docs/metrics.md have every metric with its labels, and no other."""
    rows = re.findall(r"^\| `(webhooks_\w+)` \| (\w+) \|([^|]*)\|", (DOCS / "metrics.md").read_text(), re.MULTILINE)
    assert {name: tuple(re.findall(r"`(\w+)`", labels)) for name, _, labels in rows} == LABELS


def expressions() -> list[str]:
    rules = yaml.safe_load((DOCS / "prometheus/alerts.yml").read_text())
    alerts = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads((DOCS / "prometheus/grafana.json").read_text())
    panels = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    return alerts + [expr.replace("$__rate_interval", "5m").replace("$shop", ".*") for expr in panels]


@pytest.mark.parametrize("expression", expressions())
def test_expressions_use_existing_metrics(expression: str) -> None:
    """Every expression of the rules and the dashboard is PromQL over metrics that exist."""
    promql_parser.parse(expression)
    used = set(re.findall(r"webhooks_\w+", expression))
    assert used
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} <= set(LABELS)


def test_alert_rules_are_valid() -> None:
    """Each alert has its own name, a severity and a sentence, and no key that Prometheus does not know."""
    rules = yaml.safe_load((DOCS / "prometheus/alerts.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert (
            {"alert", "expr", "labels", "annotations"} <= set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        )
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_dashboard_loads_without_edits() -> None:
    """Every panel uses the data source that is chosen at the top; nothing of another Grafana is left in it."""
    text = (DOCS / "prometheus/grafana.json").read_text()
    board = json.loads(text)
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    asked = [panel for panel in board["panels"] if panel["type"] != "row"]
    sources = [panel["datasource"] for panel in asked] + [t["datasource"] for panel in asked for t in panel["targets"]]
    assert {json.dumps(source) for source in sources} == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert "__inputs" not in text
    assert set(re.findall(r"\$\{?(\w+)", text)) <= {*variables, "__rate_interval", "__all"}
