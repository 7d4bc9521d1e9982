"""Activity of web processes: counted, bounded, written outside of requests, and read again."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from structlog.testing import capture_logs

from tests.support import processes
from tests.support.recordings import EVERY, as_toml, shop_keys
from tests.support.statements import statements_of
from webhook_app.app import create_app
from webhook_app.inbox import Inbox
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import (
    MAX_ADDRESSES,
    MAX_TOPICS,
    ActivityCount,
    ActivityKind,
    ActivityTotal,
    HourlyActivity,
)
from webhook_app.inbox.retention import Retention, sweep
from webhook_app.instrumentation import NullMeter
from webhook_app.platforms import all_platforms
from webhook_app.signing.base import fingerprint
from webhook_app.time_units import HOUR
from webhook_app.web.activity import LATENCY_BUCKETS, MAX_PENDING, ActivityRecorder, latency_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from tests.conftest import Clock
    from tests.support.postgres import Server

ORDER = next(one for one in EVERY if one.name == "shopify/orders_create__note-attributes")
SHOP = replace(ORDER.shop, name="shop", secrets=("the-new-one", "the-old-one"))
OTHER = replace(SHOP, name="other")
SHOPS = {"shop": SHOP, "other": OTHER}
DAY = 86_400


@pytest.fixture
def seen(inbox: Inbox) -> ActivityRecorder:
    """A recorder without metrics."""
    return ActivityRecorder(inbox, SHOPS, NullMeter())


def test_the_first_of_a_topic_is_written_at_once(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the first refusal: those who set up a shop see it without waiting; what follows is written later."""
    monkeypatch.setattr("webhook_app.web.activity.WRITE_EVERY", 3600.0)
    seen = ActivityRecorder(inbox, SHOPS, NullMeter())
    seen.start()
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    processes.wait_for(lambda: bool(activity.last_seen(inbox, ActivityKind.TOPIC)), within=20)
    processes.wait_for(lambda: not seen.pending, within=20)
    assert activity.names_seen(inbox) == 1
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.refused(SHOP, "signature_mismatch")
    processes.wait_for(lambda: bool(activity.last_seen(inbox, ActivityKind.REFUSAL)), within=20)
    assert activity.names_seen(inbox) == 2
    seen.close()


def test_topics_with_their_last_arrival(seen: ActivityRecorder, inbox: Inbox, clock: Clock) -> None:
    """Each topic of a shop has its count, its first and its last arrival, over several flushes."""
    began = clock.now
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.accepted(OTHER, "orders/paid", 0, 0.01)
    seen.flush()
    clock.move(10)
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.flush()
    assert activity.last_seen(inbox, ActivityKind.TOPIC) == [
        ActivityTotal("other", "orders/paid", 1, began, began),
        ActivityTotal("shop", "orders/create", 3, began, clock.now),
    ]
    assert activity.last_seen(inbox, ActivityKind.TOPIC, "other") == [
        ActivityTotal("other", "orders/paid", 1, began, began)
    ]


def test_dates_in_the_future_are_passed_over(seen: ActivityRecorder, inbox: Inbox, clock: Clock) -> None:
    """What arrived while the clock was ahead is dated as the hour before it, and the next arrival counts."""
    began = clock.now
    for moved in (0, 10**8, -(10**8)):
        clock.move(moved)
        if moved >= 0:
            seen.accepted(SHOP, "orders/create", 0, 0.01)
            seen.flush()
    hour = began // HOUR * HOUR
    assert activity.last_seen(inbox, ActivityKind.TOPIC) == [ActivityTotal("shop", "orders/create", 2, began, hour)]
    assert [one.hour for one in activity.by_hour(inbox, ActivityKind.TOPIC, 0)] == [hour]
    clock.move(10)
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.flush()
    assert [one.last_at for one in activity.last_seen(inbox, ActivityKind.TOPIC)] == [began + 10_000]


def test_secrets_by_fingerprint(seen: ActivityRecorder, inbox: Inbox, clock: Clock) -> None:
    """It is stored when each secret was last used, by its fingerprint."""
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.accepted(SHOP, "orders/create", 1, 0.01)
    seen.flush()
    # printf the-new-one | sha256sum
    assert {one.name for one in activity.last_seen(inbox, ActivityKind.SECRET)} == {
        "61db1741",
        fingerprint("the-old-one"),
    }
    assert not activity.by_hour(inbox, ActivityKind.SECRET, 0)


def test_refusals_by_the_hour(seen: ActivityRecorder, inbox: Inbox, clock: Clock) -> None:
    """Refusals are counted by shop, platform, reason and hour, also when several hours are written at once."""
    hour = clock.now // HOUR * HOUR
    for reason in ("signature_missing", "signature_mismatch", "signature_missing"):
        seen.refused(SHOP, reason)
    clock.move(3600)
    seen.refused(SHOP, "signature_missing")
    seen.flush()
    expected = [
        HourlyActivity("shop", "shopify", "signature_mismatch", hour, 1),
        HourlyActivity("shop", "shopify", "signature_missing", hour, 2),
        HourlyActivity("shop", "shopify", "signature_missing", hour + HOUR, 1),
    ]
    assert activity.by_hour(inbox, ActivityKind.REFUSAL, 0) == expected
    assert activity.by_hour(inbox, ActivityKind.REFUSAL, hour, "shop") == expected
    assert activity.by_hour(inbox, ActivityKind.REFUSAL, hour, "other") == []
    assert activity.by_hour(inbox, ActivityKind.REFUSAL, hour + 1) == expected[2:]
    assert [one.count for one in activity.last_seen(inbox, ActivityKind.REFUSAL)] == [1, 3]


def test_hours_before_each_topic_ended(inbox: Inbox, clock: Clock) -> None:
    """Each topic has a period of its own, and a hundred of them are one statement."""
    hour, names = clock.now // HOUR * HOUR, [f"topic-{number}" for number in range(activity.NAMES_AT_ONCE)]
    seen = [
        ActivityCount(shop, "shopify", kind, name, 1, hour - ago * HOUR, hour - ago * HOUR)
        for shop, kind, ago in (
            ("acme", ActivityKind.TOPIC, 1),
            ("acme", ActivityKind.TOPIC, 4),
            ("acme", ActivityKind.REFUSAL, 2),
            ("other", ActivityKind.TOPIC, 3),
        )
        for name in names
    ]
    activity.record(inbox, seen)
    last = {("acme", name): hour - (HOUR if name == names[0] else 4 * HOUR) for name in names}
    with statements_of(inbox) as executed:
        found = {**activity.hours_until(inbox, ActivityKind.TOPIC, last, 3 * HOUR)}
    assert len(executed) == 1
    assert sorted(found.pop(("acme", names[0]))) == [hour - 4 * HOUR, hour - HOUR]
    assert found == {("acme", name): [hour - 4 * HOUR] for name in names[1:]}


def test_processes_add_up(inbox: Inbox) -> None:
    """The counts of several web processes are added up."""
    for process in (ActivityRecorder(inbox, SHOPS, NullMeter()), ActivityRecorder(inbox, SHOPS, NullMeter())):
        process.refused(SHOP, "signature_missing")
        process.flush()
    assert [one.count for one in activity.by_hour(inbox, ActivityKind.REFUSAL, 0)] == [2]


def test_topics_are_bounded(seen: ActivityRecorder, inbox: Inbox) -> None:
    """Invented topics cannot fill the table, and known ones are still counted."""
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.flush()
    for number in range(2 * MAX_TOPICS):
        seen.accepted(SHOP, f"topic/{number}", 0, 0.01)
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.flush()
    noted = {one.name: one.count for one in activity.last_seen(inbox, ActivityKind.TOPIC)}
    assert (len(noted), noted["orders/create"]) == (MAX_TOPICS, 2)
    assert len({one.name for one in activity.by_hour(inbox, ActivityKind.TOPIC, 0)}) == MAX_TOPICS


def test_memory_is_bounded(seen: ActivityRecorder) -> None:
    """While the database is unavailable, a process holds a limited number of different counts."""
    for number in range(MAX_PENDING + 100):
        seen.accepted(SHOP, f"topic/{number}", 0, 0.01)
    assert seen.pending == MAX_PENDING


def test_old_activity_is_deleted(seen: ActivityRecorder, inbox: Inbox, clock: Clock) -> None:
    """After KEEP_ROWS it is deleted, and newer activity stays."""
    seen.refused(SHOP, "signature_missing")
    seen.accepted(SHOP, "orders/create", 0, 0.01)
    seen.flush()
    clock.move(91 * DAY)
    seen.refused(SHOP, "too_large")
    seen.flush()
    sweep(inbox, Retention(7 * DAY, 90 * DAY))
    assert [one.name for one in activity.by_hour(inbox, ActivityKind.REFUSAL, 0)] == ["too_large"]
    assert [one.name for kind in ActivityKind for one in activity.last_seen(inbox, kind)] == ["too_large"]


def test_unavailable_database_loses_nothing(postgres: Server, clock: Clock) -> None:
    """Counts that could not be written stay in memory and are added to later ones."""
    with postgres.migrated() as address, closing(Inbox(address, clock=clock)) as inbox:
        seen, began = ActivityRecorder(inbox, SHOPS, NullMeter()), clock.now
        with postgres.stopped():
            seen.accepted(SHOP, "orders/create", 0, 0.01)
            seen.flush()
            clock.move(1)
            seen.accepted(SHOP, "orders/create", 0, 0.01)
            seen.flush()

        def is_written() -> bool:
            seen.flush()
            return topics_of(inbox) == [ActivityTotal("shop", "orders/create", 2, began, clock.now)]

        processes.wait_for(is_written, within=60)


def topics_of(inbox: Inbox) -> list[ActivityTotal]:
    return activity.last_seen(inbox, ActivityKind.TOPIC)


# Through the receiver


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, migrated_url: str) -> Iterator[FlaskClient]:
    """A client of a receiver with one shop."""
    for name in ("SHOPS_FILE", "SPOOL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", as_toml("shop", shop_keys("shopify")))
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setenv("MAX_BODY", "20000")
    app = create_app()
    yield app.test_client()
    app.extensions["webhooks"].inbox.close()


def of(client: FlaskClient) -> dict[ActivityKind, dict[str, int]]:
    """The activity in the database of a client's receiver."""
    receiver = client.application.extensions["webhooks"]
    receiver.activity.flush()
    named = (ActivityKind.TOPIC, ActivityKind.SECRET, ActivityKind.REFUSAL)
    return {kind: {one.name: one.count for one in activity.last_seen(receiver.inbox, kind)} for kind in named}


def test_receiver_counts_accepted_webhooks(client: FlaskClient) -> None:
    """A stored webhook and a duplicate count for their topic and for the secret that verified them."""
    for _ in range(2):
        client.post("/webhooks/shopify/shop", data=ORDER.body, headers=ORDER.sent_headers)
    secret = fingerprint(shop_keys("shopify")["secrets"][0])
    assert of(client) == {
        ActivityKind.TOPIC: {"orders/create": 2},
        ActivityKind.SECRET: {secret: 2},
        ActivityKind.REFUSAL: {},
    }
    took = activity.last_seen(client.application.extensions["webhooks"].inbox, ActivityKind.ACCEPT)
    assert sum(one.count for one in took) == 2
    assert {int(one.name) for one in took} <= set(LATENCY_BUCKETS)


@pytest.mark.parametrize(("seconds", "step"), [(0.0, "1"), (0.001, "1"), (0.0011, "2"), (0.6, "1000"), (99.0, "5000")])
def test_accepts_are_counted_by_how_long_they_took(seconds: float, step: str) -> None:
    """In steps, so that a shop has a few rows an hour whatever it sends."""
    assert latency_bucket(seconds) == step


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"data": b"{}"}, "signature_missing"),
        ({"data": b"{}", "headers": {"X-Shopify-Hmac-Sha256": "QUJD"}}, "signature_mismatch"),
        ({"data": b"x" * 20_001}, "too_large"),
        ({"data": b"{}", "headers": {"Content-Encoding": "gzip"}}, "content_encoding"),
        ({"data": b"{}", "environ_overrides": {"CONTENT_LENGTH": "99"}}, "bad_request"),
    ],
)
def test_receiver_counts_refused_webhooks(client: FlaskClient, sent: dict[str, Any], reason: str) -> None:
    """A request to a shop's URL that is not stored is counted once, by the reason in the answer."""
    with capture_logs():
        client.post("/webhooks/shopify/shop", **sent)
    assert of(client) == {ActivityKind.TOPIC: {}, ActivityKind.SECRET: {}, ActivityKind.REFUSAL: {reason: 1}}


def test_receiver_counts_storefront_events(client: FlaskClient) -> None:
    """An event through the platform's proxy is counted like a webhook, also when its signature is wrong."""
    proxy = all_platforms()["shopify"].proxy
    assert proxy
    old = shop_keys("shopify")["secrets"][1]
    values = {
        "shop": "a.example",
        "logged_in_customer_id": "",
        "path_prefix": "/a",
        "term": "x",
        "profile_key": "k" * 32,
    }
    query = proxy.sign(values, old, time.time()).decode()
    assert client.get(f"/storefront/shopify/shop/search?{query}").status_code == 200
    assert client.get("/storefront/shopify/shop/search?term=x").status_code == 401
    counts = of(client)
    assert [*counts[ActivityKind.TOPIC].values()] == [1]
    assert (counts[ActivityKind.SECRET], counts[ActivityKind.REFUSAL]) == (
        {fingerprint(old): 1},
        {"signature_missing": 1},
    )


def test_addresses_are_counted_in_normal_form(seen: ActivityRecorder, inbox: Inbox) -> None:
    """Each address of a shop is counted under one name, a limited number of them, and none where none is given."""
    for domain in ("https://www.A.example/", "a.example", "", *(f"{number}.example" for number in range(40))):
        seen.accepted(SHOP, "orders/create", 0, 0.01, domain)
    seen.flush()
    counts = {one.name: one.count for one in activity.last_seen(inbox, ActivityKind.ADDRESS)}
    assert (counts["a.example"], len(counts)) == (2, MAX_ADDRESSES)


def test_unknown_paths_are_not_counted(client: FlaskClient) -> None:
    """An unknown shop, another method and another path are not counted."""
    client.post("/webhooks/shopify/invented", data=b"{}")
    client.post("/webhooks/woocommerce/shop", data=b"{}")
    client.get("/webhooks/shopify/shop")
    client.post("/elsewhere")
    assert of(client) == {ActivityKind.TOPIC: {}, ActivityKind.SECRET: {}, ActivityKind.REFUSAL: {}}


@pytest.mark.process
def test_web_processes_flush_by_themselves(tmp_path: Path, sqlite_url: str) -> None:
    """A running web server writes its activity, and the rest when it is stopped."""
    port = processes.free_port()
    env = processes.environment(
        DATABASE_URL=sqlite_url,
        SHOPS=as_toml("shop", shop_keys("shopify")),
        PORT=str(port),
        WEB_CONCURRENCY="1",
    )
    url = f"http://127.0.0.1:{port}/webhooks/shopify/shop"
    with closing(Inbox(env["DATABASE_URL"])) as inbox:
        with processes.running("web", env=env, log=tmp_path / "log", ready=f"http://127.0.0.1:{port}/readyz"):
            requests.post(url, data=b"{}", timeout=processes.LONGEST)
            processes.wait_for(lambda: counted(inbox) == 1)
            requests.post(url, data=b"{}", timeout=processes.LONGEST)
            time.sleep(0.2)
        assert counted(inbox) == 2


def counted(inbox: Inbox) -> int:
    return sum(one.count for one in activity.by_hour(inbox, ActivityKind.REFUSAL, 0))
