"""The worker on a real inbox, delivering over HTTP to a local Tweakwise."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.event import listen
from structlog.testing import capture_logs

from schemas.events import Line, Payment, Purchase, Visitor
from tests.support.deliveries import arrival, claim
from tests.support.local_tweakwise import LocalTweakwise, serving
from tests.support.recordings import EVERY, Recorded
from tests.support.sockets import serving as socket_serving
from tests.support.sockets import silent
from webhook_app.config.settings import CONTENT_TYPES
from webhook_app.delivery import abandoned_leases, outcomes, privacy_worker, worker
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, NewDelivery, Row, State, queue
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.retention import Retention
from webhook_app.inbox.selection import Selection
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import Platform, Topic
from webhook_app.throttling import circuit_breaker
from webhook_app.throttling.state import Scope, ThrottleState
from webhook_app.translation.translate import AgeLimits
from webhook_app.tweakwise import retry_policy
from webhook_app.tweakwise.call import Call
from webhook_app.tweakwise.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.events import Translation
    from webhook_app.config.shops import Shop
    from webhook_app.delivery.dispatcher import Job

# What the store does is tested on both engines in tests/store/inbox.
pytestmark = pytest.mark.engines("sqlite")

BY_NAME = {recorded.name: recorded for recorded in EVERY}
ORDER = BY_NAME["shopify/orders_create__note-attributes"]
MAX_WAIT = 60  # seconds; the machine may be busy
POLICY = retry_policy.Policy(base=0.05, cap=0.1, give_up_after=3600)
OPTIONS = worker.WorkerOptions(
    threads=2, ages=AgeLimits(max_order_age=10**9, max_age=10**9), policy=POLICY, retention=Retention(10**9, 10**9)
)


@pytest.fixture
def tweakwise() -> Iterator[LocalTweakwise]:
    """A local Tweakwise."""
    with serving() as local:
        yield local


@pytest.fixture
def inbox(migrated_url: str) -> Iterator[Inbox]:
    """An inbox in real time."""
    inbox = Inbox(migrated_url, lease=60)
    yield inbox
    inbox.close()


def stored(inbox: Inbox, recorded: Recorded, identity: str = "", **changed: Any) -> int:
    envelope = recorded.platform.verify(recorded.body, recorded.headers, recorded.shop.secrets)
    arrival = NewDelivery(
        shop=recorded.platform.name,
        platform=recorded.platform.name,
        topic=envelope.topic,
        identity=identity or envelope.identity,
        domain=envelope.domain,
        headers=envelope.headers,
        body=recorded.body,
    )
    return inbox.store(replace(arrival, **changed)).id


def shops() -> dict[str, Shop]:
    return {
        name: replace(BY_NAME[first].shop, name=name)
        for name, first in (("shopify", ORDER.name), ("woocommerce", "woocommerce/order.created__guest-carried-key"))
    }


@contextmanager
def working(
    inbox: Inbox,
    tweakwise: LocalTweakwise,
    *,
    platforms: dict[str, Platform] | None = None,
    known: dict[str, Shop] | None = None,
    timeout: float = 1,
    **options: Any,
) -> Iterator[worker.Worker]:
    client: Client[Job] = Client(tweakwise.url, timeout=timeout)
    working = worker.Worker(inbox, known or shops(), platforms or all_platforms(), client, replace(OPTIONS, **options))
    thread = threading.Thread(target=working.run)
    thread.start()
    try:
        yield working
    finally:
        working.stop()
        thread.join(20)
        assert not thread.is_alive()


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MAX_WAIT
    while not reached():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers try the store again at once, and take over what was abandoned."""
    monkeypatch.setattr(worker, "STORE_PAUSE", 0.1)
    monkeypatch.setattr(worker, "CLAIM_PAUSE", 0.2)
    monkeypatch.setattr(abandoned_leases, "GRACE", 1.0)


@pytest.fixture
def waits(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each wait for a wake-up, appended when the wait begins."""
    begun: list[float] = []
    wait = inbox.wakeups.wait

    def recorded(seconds: float) -> None:
        begun.append(seconds)
        wait(seconds)

    monkeypatch.setattr(inbox.wakeups, "wait", recorded)
    return begun


def settled(inbox: Inbox, *numbers: int) -> list[Row]:
    """Wait until all are settled for good."""
    final = (State.DELIVERED, State.IGNORED, State.DEAD)
    wait_until(lambda: all(stored_deliveries.get(inbox, number).state in final for number in numbers))
    return [stored_deliveries.get(inbox, number) for number in numbers]


@pytest.mark.engines("sqlite", "postgres")
def test_order_is_delivered(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """A stored order becomes a purchase at Tweakwise."""
    number = stored(inbox, ORDER)
    with working(inbox, tweakwise):
        [row] = settled(inbox, number)
    assert (row.state, row.attempts, row.business_key) == ("delivered", 1, ORDER.expected["call"]["key"])
    [event] = tweakwise.events()
    assert (event["event"], event["body"]) == ("purchase", ORDER.expected["call"]["body"])


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_both_content_types_are_accepted(tweakwise: LocalTweakwise, content_type: str) -> None:
    """The content type of Tweakwise's documentation and that of its Magento module are both accepted."""
    call = Call("purchase", "purchase:1", {"ProductKeys": ["1"], "ProfileKey": "k"})
    client: Client[str] = Client(tweakwise.url, content_type=content_type)
    client.start("ticket", call, ORDER.shop)
    [result] = client.finished(10)
    client.close()
    assert (result.ticket, result.failure) == ("ticket", None)
    assert [event["body"] for event in tweakwise.events()] == [call.body]


@pytest.mark.engines("sqlite", "postgres")
def test_idle_worker_is_woken(inbox: Inbox, tweakwise: LocalTweakwise, waits: list[float]) -> None:
    """A delivery that is stored while the worker idles is sent immediately, not after MAX_IDLE."""
    with working(inbox, tweakwise):
        wait_until(lambda: worker.MAX_IDLE in waits)
        began = time.monotonic()
        settled(inbox, stored(inbox, ORDER))
    assert time.monotonic() - began < worker.MAX_IDLE / 3


@pytest.mark.engines("sqlite", "postgres")
def test_idle_worker_sends_no_queries(inbox: Inbox, tweakwise: LocalTweakwise, waits: list[float]) -> None:
    """An idle worker uses no connection, and waits for MAX_IDLE at a time."""
    with working(inbox, tweakwise):
        wait_until(lambda: worker.MAX_IDLE in waits)
        used: list[object] = []
        listen(inbox.database.engine, "checkout", lambda *args: used.append(args[0]))
        time.sleep(0.5)
        assert used == []
        assert waits == [0, worker.MAX_IDLE]


@pytest.mark.engines("sqlite", "postgres")
def test_one_order_is_one_purchase(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """Created, paid and updated at the same time: one call, and the others name the delivery that counts it."""
    numbers = [stored(inbox, ORDER, identity=str(number)) for number in range(12)]
    with working(inbox, tweakwise):
        rows = settled(inbox, *numbers)
    assert len(tweakwise.events()) == 1
    [owner] = [row for row in rows if row.state == "delivered"]
    others = [row for row in rows if row is not owner]
    assert {row.reason for row in others} == {"already_counted"}
    assert {row.detail for row in others} == {f"Delivery {owner.id} counts this order."}


@pytest.mark.engines("sqlite", "postgres")
def test_failures_are_retried(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """The event is delivered after Tweakwise has recovered."""
    tweakwise.trouble(status=503)
    number = stored(inbox, ORDER)
    with working(inbox, tweakwise):
        wait_until(lambda: stored_deliveries.get(inbox, number).attempts >= 2)
        waiting = stored_deliveries.get(inbox, number)
        assert (waiting.reason, waiting.settled_at) in [("http_503", None), ("", None)]
        tweakwise.trouble(status=0)
        [row] = settled(inbox, number)
    assert row.state == "delivered"
    assert row.attempts >= 3
    assert len(tweakwise.events()) == 1


def test_wrong_instance_key_waits(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """A refused instance key loses nothing: the events wait until it is corrected."""
    tweakwise.trouble(status=401)
    number = stored(inbox, ORDER)
    with working(inbox, tweakwise, policy=replace(POLICY, base=100, cap=100)):
        wait_until(lambda: stored_deliveries.get(inbox, number).state == "waiting")
    row = stored_deliveries.get(inbox, number)
    assert (row.state, row.reason) == ("waiting", "http_401")


def test_refused_event_is_dead_with_the_answer(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """The response of a rejected event is stored."""
    tweakwise.trouble(status=422)
    number = stored(inbox, ORDER)
    with working(inbox, tweakwise):
        [row] = settled(inbox, number)
    assert (row.state, row.reason, row.attempts) == ("dead", "http_422", 1)
    assert row.answer


@pytest.mark.engines("sqlite", "postgres")
def test_replayed_dead_event_is_delivered(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """A dead event is delivered after the cause is corrected and it is replayed."""
    tweakwise.trouble(status=422)
    number = stored(inbox, ORDER)
    with working(inbox, tweakwise):
        settled(inbox, number)
        tweakwise.trouble(status=0)
        assert operator_actions.replay(inbox, [number]) == {number}
        [row] = settled(inbox, number)
    assert row.state == "delivered"


def test_time_out_can_be_parked(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """With ON_TIMEOUT=park an event that may have been counted is not sent again, nor is its order."""
    tweakwise.trouble(hang=True)
    number = stored(inbox, ORDER)
    with working(inbox, tweakwise, policy=replace(POLICY, on_timeout="park")):
        [row] = settled(inbox, number)
        tweakwise.trouble(hang=False)
        [second] = settled(inbox, stored(inbox, ORDER, identity="again"))
    assert (row.state, row.reason) == ("dead", "parked_timeout")
    assert (second.state, second.reason) == ("ignored", "already_counted")
    assert len(tweakwise.events()) == 1


def test_gives_up_after_retry_for(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """After RETRY_FOR an event is dead, by name."""
    tweakwise.trouble(status=500)
    number = stored(inbox, ORDER)
    with working(inbox, tweakwise, policy=replace(POLICY, give_up_after=0.3)):
        [row] = settled(inbox, number)
    assert (row.state, row.reason) == ("dead", "gave_up_http_500")


class _Poison:
    """A schema that raises an exception."""

    def read(self, _payload: Any) -> Translation:
        raise ZeroDivisionError("jan@example.test")


class _LatePoison:
    """A schema whose result fails in the store: half a surrogate pair is no text."""

    def read(self, _payload: Any) -> Translation:
        visitor, line = Visitor({"tweakwise_profile_key": "k"}), Line({"product_id": "1"})
        return Purchase("\ud83d", datetime.now(UTC), Payment.PAID, visitor, (line,), None)


def with_poison(schema: Any) -> dict[str, Platform]:
    """Shopify with a topic `poison` of that schema."""
    shopify = all_platforms()["shopify"]
    return {"shopify": replace(shopify, topics=[*shopify.topics, Topic("poison", "", schema, lambda _: {})])}


@pytest.mark.parametrize("schema", [_Poison(), _LatePoison()])
def test_poisoned_delivery_never_stops_the_worker(inbox: Inbox, tweakwise: LocalTweakwise, schema: Any) -> None:
    """A bug makes one delivery dead, without quoting its body; the others of its group are delivered."""
    first = stored(inbox, ORDER, topic="poison", identity="poison")
    second = stored(inbox, ORDER)
    with capture_logs() as logs, working(inbox, tweakwise, platforms=with_poison(schema)):
        dead, delivered = settled(inbox, first, second)
    assert (dead.state, dead.reason) == ("dead", "translation_error")
    assert delivered.state == "delivered"
    assert "jan@example.test" not in dead.detail + json.dumps(logs)


@pytest.mark.engines("sqlite", "postgres")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("poison", [False, True])
def test_store_away_after_a_claim(
    inbox: Inbox, tweakwise: LocalTweakwise, monkeypatch: pytest.MonkeyPatch, *, poison: bool
) -> None:
    """Deliveries claimed before an outage of the store are sent once after it, long before their lease ends."""
    odd = [stored(inbox, ORDER, topic="poison", identity="poison")] if poison else []
    numbers = [stored(inbox, ORDER, body=small_order(number), identity=str(number)) for number in range(1, 10)]
    reserve = inbox.reserve
    calls: list[int] = []

    def away(pairs: Any) -> dict[int, int]:
        calls.append(len(pairs))
        if len(calls) in (2, 3):  # in the middle of a group that is processed one by one, because of the poisoned one
            raise StoreUnavailableError("away")
        return reserve(pairs)

    monkeypatch.setattr(inbox, "reserve", away)
    with working(inbox, tweakwise, platforms=with_poison(_LatePoison())):
        assert {row.state for row in settled(inbox, *numbers)} == {"delivered"}
        assert [row.state for row in settled(inbox, *odd)] == ["dead"] * len(odd)
    assert len(calls) > 3
    assert len(tweakwise.events()) == len(numbers)


@pytest.mark.usefixtures("impatient")
def test_store_away_when_work_is_given_back(
    inbox: Inbox, tweakwise: LocalTweakwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release that failed is repeated when the store is back."""
    release, reserve = inbox.release, inbox.reserve
    failed: list[int] = []

    def away(claimed: Any) -> None:
        if not failed:
            failed.append(len(claimed))
            raise StoreUnavailableError("away")
        release(claimed)

    def gone(_: Any) -> dict[int, int]:
        monkeypatch.setattr(inbox, "reserve", reserve)
        monkeypatch.setattr(inbox, "release", away)
        raise StoreUnavailableError("away")

    monkeypatch.setattr(inbox, "reserve", gone)
    number = stored(inbox, ORDER)
    with working(inbox, tweakwise):
        assert settled(inbox, number)[0].state == "delivered"
    assert failed == [1]


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b"null", b'{"id":', b"[" * 100_000, b"\xff\xfe", b"9" * 5000]
)
def test_unreadable_body_is_dead(inbox: Inbox, tweakwise: LocalTweakwise, body: bytes) -> None:
    """A signed body that is no order is dead, with a sentence."""
    number = stored(inbox, ORDER, body=body, identity="odd")
    with working(inbox, tweakwise):
        [row] = settled(inbox, number)
    assert (row.state, row.reason) == ("dead", "unreadable")
    assert row.detail


@pytest.mark.engines("sqlite", "postgres")
@pytest.mark.usefixtures("impatient")
def test_delivery_that_kills_its_worker_is_given_up(inbox: Inbox, tweakwise: LocalTweakwise, database_url: str) -> None:
    """After several expired leases a delivery is dead instead of being retried for ever."""
    number = stored(inbox, ORDER)
    short = Inbox(database_url, lease=0)
    for _ in range(outcomes.MAX_LAPSES + 1):
        claim(short)
    short.close()
    with working(inbox, tweakwise):
        [row] = settled(inbox, number)
    assert (row.state, row.reason) == ("dead", "poisoned")
    assert tweakwise.events() == []


# Circuit breakers, rates and fairness


def small_order(number: int) -> bytes:
    """A paid order with a profile key, as short as Shopify's could be."""
    order = {
        "id": number,
        "created_at": datetime.now(UTC).isoformat(),
        "financial_status": "paid",
        "note_attributes": [{"name": "tweakwise_profile_key", "value": f"visitor-{number}"}],
        "line_items": [{"product_id": 7, "quantity": 1}],
    }
    return json.dumps(order).encode()


def store_many(inbox: Inbox, shop: str, count: int) -> None:
    """Store orders faster than one by one, through the inbox's own statements."""
    for start in range(0, count, 5000):
        numbers = range(start + 1, min(start + 5000, count) + 1)
        with inbox.database.write(hot=True) as connection:
            orders = [arrival(f"{shop}-{number}", small_order(number), shop=shop) for number in numbers]
            queue.store(connection, orders, inbox.clock())


def attempts(inbox: Inbox, shop: str) -> int:
    return sum(row.attempts for row in stored_deliveries.newest(inbox, 10_000, Selection(shop=shop)))


def nothing_in_flight(inbox: Inbox) -> bool:
    return not stored_deliveries.counts(inbox).get(State.DELIVERING)


def test_refused_key_uses_up_no_attempts(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """The first refusals open the shop's breaker; the other events stay unsent."""
    tweakwise.trouble(status=401)
    store_many(inbox, "shopify", 200)
    with working(inbox, tweakwise):
        wait_until(lambda: Scope.shop("shopify") in inbox.throttles() and nothing_in_flight(inbox))
    throttle = inbox.throttles()[Scope.shop("shopify")]
    assert (throttle.reason, throttle.pauses, throttle.open_until is not None) == ("http_401", 1, True)
    assert attempts(inbox, "shopify") <= 2 * OPTIONS.threads
    assert stored_deliveries.counts(inbox)["received"] >= 200 - 2 * OPTIONS.threads


@pytest.mark.engines("sqlite", "postgres")
def test_breaker_is_shared_by_all_workers(inbox: Inbox, tweakwise: LocalTweakwise, waits: list[float]) -> None:
    """A worker that starts while a shop's breaker is open sends nothing for it."""
    tweakwise.trouble(status=401)
    store_many(inbox, "shopify", 20)
    with working(inbox, tweakwise):
        wait_until(lambda: Scope.shop("shopify") in inbox.throttles())
    before = attempts(inbox, "shopify")
    waits.clear()
    with working(inbox, tweakwise):
        wait_until(lambda: max(waits, default=0) > 0)  # it has found nothing to claim
    assert attempts(inbox, "shopify") == before


def test_breaker_closes_by_itself(inbox: Inbox, tweakwise: LocalTweakwise, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the key is right a probe succeeds, and everything follows."""
    monkeypatch.setattr(circuit_breaker, "MIN_PAUSE", 300)
    tweakwise.trouble(status=401)
    store_many(inbox, "shopify", 15)
    with capture_logs() as logs, working(inbox, tweakwise):
        wait_until(lambda: Scope.shop("shopify") in inbox.throttles())
        tweakwise.trouble(status=0)
        wait_until(lambda: stored_deliveries.counts(inbox) == {"delivered": 15})
    events = [line["event"] for line in logs if line["event"].startswith("breaker")]
    assert events[0] == "breaker_opened"
    assert events[-1] == "breaker_closed"
    assert len(tweakwise.events()) == 15


def half_open(throttle: ThrottleState) -> tuple[ThrottleState, None]:
    return replace(throttle, failures=5, reason="http_503", pauses=1, open_until=1), None


def test_ignored_deliveries_use_up_no_probe(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """A breaker closes at once although many deliveries that make no call are claimed before the first that does."""
    for number in range(30):
        stored(inbox, ORDER, f"cart-{number}", topic="carts/update")
    number = stored(inbox, ORDER)
    for scope in (Scope.shop("shopify"), Scope.tweakwise(tweakwise.url)):
        inbox.update_throttle(scope, half_open)
    with working(inbox, tweakwise):
        [row] = settled(inbox, number)
    assert row.state == State.DELIVERED
    assert not any(throttle.is_open for throttle in inbox.throttles().values())


def test_tweakwise_down_stops_all_its_shops(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Tweakwise is unreachable, shops without failures send nothing either."""
    monkeypatch.setattr(circuit_breaker, "FAILURES_OF_TWEAKWISE", 3)
    with serving() as gone:
        pass
    scope = Scope.tweakwise(gone.url)
    for shop in ("shopify", "woocommerce"):
        store_many(inbox, shop, 50)
    with working(inbox, gone):
        wait_until(lambda: inbox.throttles().get(scope, ThrottleState(scope)).is_open and nothing_in_flight(inbox))
    assert inbox.throttles()[scope].reason == "connect"
    assert attempts(inbox, "shopify") + attempts(inbox, "woocommerce") <= 4 * OPTIONS.threads


@pytest.mark.engines("sqlite", "postgres")
def test_hanging_shop_with_a_long_backlog_delays_no_other(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """100,000 events of a shop whose Tweakwise hangs; another shop's fresh event is delivered within two seconds."""
    store_many(inbox, "dead", 100_000)
    known = shops()
    with socket_serving(silent) as hanging:
        known["dead"] = replace(known["shopify"], name="dead", tweakwise_url=hanging.url)
        with working(inbox, tweakwise, known=known, timeout=5):
            wait_until(lambda: bool(hanging.connections))
            for _ in range(3):
                began = time.monotonic()
                settled(inbox, stored(inbox, ORDER, body=small_order(time.time_ns()), identity=str(time.time_ns())))
                assert time.monotonic() - began < 2
    assert stored_deliveries.counts(inbox)["delivered"] == 3


def test_rate_over_all_shops(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """MAX_RATE holds, however long the backlog."""
    store_many(inbox, "shopify", 60)
    with working(inbox, tweakwise, max_rate=10.0):
        wait_until(lambda: len(tweakwise.events()) >= 10)
        time.sleep(1)
        sent = len(tweakwise.events())
    assert 15 <= sent <= 45


def test_removed_shop_waits(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """Events of a shop that is not configured any more wait."""
    number = stored(inbox, ORDER, shop="gone")
    with working(inbox, tweakwise):
        wait_until(lambda: stored_deliveries.get(inbox, number).state == "waiting")
    assert (stored_deliveries.get(inbox, number).state, stored_deliveries.get(inbox, number).reason) == (
        "waiting",
        "shop_missing",
    )


@pytest.mark.engines("sqlite", "postgres")
def test_stop_releases_what_is_queued(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """stop() finishes the calls in flight, releases the rest, and takes less than ten seconds."""
    tweakwise.trouble(delay_ms=400)
    numbers = [stored(inbox, one) for one in EVERY if "call" in one.expected and one.platform is ORDER.platform]
    with working(inbox, tweakwise) as stopping:
        wait_until(lambda: bool(tweakwise.events()))
        began, sent = time.monotonic(), len(tweakwise.events())
        stopping.stop()
    assert time.monotonic() - began < 10
    assert len(tweakwise.events()) <= sent + OPTIONS.threads
    states = {stored_deliveries.get(inbox, number).state for number in numbers}
    assert State.DELIVERING not in states
    assert State.RECEIVED in states


def events_of(logs: list[Any]) -> list[str]:
    return [line["event"] for line in list(logs)]


@pytest.mark.engines("sqlite", "postgres")
@pytest.mark.usefixtures("impatient")
def test_store_away_for_a_while(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """A worker continues by itself after an outage of the store."""
    with capture_logs() as logs, working(inbox, tweakwise):
        wait_until(lambda: "worker_started" in events_of(logs))
        with inbox.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO away")
        inbox.wakeups.notify()
        wait_until(lambda: "store_unavailable" in events_of(logs))
        with inbox.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO deliveries")
        [row] = settled(inbox, stored(inbox, ORDER))
    assert row.state == "delivered"


def test_every_outcome_is_one_log_line(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """The line holds shop, topic, number, state, reason, attempt and milliseconds."""
    stored(inbox, BY_NAME["shopify/orders_cancelled"])
    number = stored(inbox, ORDER)
    with capture_logs() as logs, working(inbox, tweakwise):
        settled(inbox, 1, number)
    lines = sorted((line for line in logs if line["event"] == "delivery_settled"), key=lambda line: int(line["id"]))
    assert [(line["state"], line["reason"], line["attempt"]) for line in lines] == [
        ("ignored", "cancelled", 0),
        ("delivered", None, 1),
    ]
    assert {"shop", "topic", "id", "ms"} <= set(lines[0])


# Privacy requests


REDACT = BY_NAME["shopify/customers_redact"]
OF_CUSTOMER = BY_NAME["shopify/orders_create"]
OF_OTHERS = BY_NAME["shopify/orders_create__absent-customer-carried-key"]


@pytest.mark.engines("sqlite", "postgres")
def test_customer_redaction_wipes_and_lists(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """Deliveries about the customer are wiped, others are not, and the redaction wipes itself."""
    theirs, others = stored(inbox, OF_CUSTOMER), stored(inbox, OF_OTHERS)
    with working(inbox, tweakwise):
        settled(inbox, theirs, others)
        redaction = stored(inbox, REDACT)
        [row] = settled(inbox, redaction)
    assert (row.state, row.reason, row.detail) == ("ignored", "redacted", f"Wiped 1 delivery ({theirs}).")
    assert stored_deliveries.body(inbox, theirs) is None
    assert stored_deliveries.get(inbox, theirs).call is None
    assert stored_deliveries.body(inbox, redaction) is None
    assert stored_deliveries.body(inbox, others) is not None


@pytest.mark.engines("sqlite", "postgres")
def test_redaction_reaches_what_was_not_sent(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """A waiting order of a redacted customer is never sent."""
    tweakwise.trouble(status=503)
    theirs = stored(inbox, OF_CUSTOMER)
    with working(inbox, tweakwise, policy=replace(POLICY, base=1000, cap=1000)):
        wait_until(lambda: stored_deliveries.get(inbox, theirs).state == "waiting")
        settled(inbox, stored(inbox, REDACT))
    row = stored_deliveries.get(inbox, theirs)
    assert (row.state, row.reason) == ("ignored", "redacted")
    assert inbox.queues() == []


@pytest.mark.engines("sqlite", "postgres")
def test_shop_redaction_wipes_the_shop(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """Everything of that domain is wiped; another shop of the same app is not."""
    redaction = BY_NAME["shopify/shop_redact"]
    domain = json.loads(redaction.body)["shop_domain"]
    theirs = stored(inbox, ORDER, domain=domain)
    others = stored(inbox, OF_CUSTOMER, domain="another.myshopify.com")
    with working(inbox, tweakwise):
        settled(inbox, theirs, others)
        [row] = settled(inbox, stored(inbox, redaction))
    assert row.reason == "redacted"
    assert stored_deliveries.body(inbox, theirs) is None
    assert stored_deliveries.body(inbox, others) is not None


@pytest.mark.parametrize("name", ["data_request", "redact"])
def test_another_body_erases_no_shop(inbox: Inbox, tweakwise: LocalTweakwise, name: str) -> None:
    """A signed body that is sent again as shop/redact erases nothing: no signature covers the topic."""
    theirs = stored(inbox, ORDER)
    with working(inbox, tweakwise):
        settled(inbox, theirs)
        [row] = settled(inbox, stored(inbox, BY_NAME[f"shopify/customers_{name}"], topic="shop/redact"))
    assert (row.state, row.reason) == ("ignored", "wrong_topic")
    assert stored_deliveries.body(inbox, theirs) is not None


@pytest.mark.parametrize(("domain", "wiped"), [((), False), (("webwinkel-fixture.myshopify.com",), True)])
def test_shop_redaction_without_an_address(
    inbox: Inbox, tweakwise: LocalTweakwise, domain: tuple[str, ...], wiped: bool
) -> None:
    """A delivery that names no address is the whole shop's only where that is pinned to the address."""
    theirs = stored(inbox, ORDER, domain="")
    known = {name: replace(shop, domain=domain) for name, shop in shops().items()}
    with working(inbox, tweakwise, known=known):
        settled(inbox, theirs)
        settled(inbox, stored(inbox, BY_NAME["shopify/shop_redact"]))
    assert (stored_deliveries.body(inbox, theirs) is None) is wiped


@pytest.mark.engines("sqlite", "postgres")
@pytest.mark.parametrize("domain", [(), ("shop.example",)])
def test_a_staging_copy_takes_no_order_away(inbox: Inbox, tweakwise: LocalTweakwise, domain: tuple[str, ...]) -> None:
    """Its order of the same number counts apart, and not at all where the shop is pinned to its address."""
    order = BY_NAME["woocommerce/order.created__guest-carried-key"]
    sources = ["https://staging.shop.example/", "https://shop.example/", "http://www.Shop.example"]
    numbers = [stored(inbox, order, identity=source, domain=source) for source in sources]
    known = {name: replace(shop, domain=domain) for name, shop in shops().items()}
    with working(inbox, tweakwise, known=known):
        staging, genuine, again = settled(inbox, *numbers)
    assert (staging.state, staging.reason) == (("ignored", "other_shop") if domain else ("delivered", ""))
    assert sorted([genuine.state, again.reason or again.state, genuine.reason]) in (
        ["", "already_counted", "delivered"],
        ["already_counted", "delivered", "ignored"],
    )
    assert len(tweakwise.events()) == (1 if domain else 2)


@pytest.mark.engines("sqlite", "postgres")
def test_data_request_lists_what_is_stored(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """The deliveries about the customer are listed, and nothing is wiped."""
    theirs = stored(inbox, OF_CUSTOMER)
    stored(inbox, OF_OTHERS)
    with working(inbox, tweakwise):
        [row] = settled(inbox, stored(inbox, BY_NAME["shopify/customers_data_request"]))
    assert row.reason == "data_request"
    assert row.detail.startswith(f"Found 1 delivery ({theirs})")
    assert stored_deliveries.body(inbox, theirs) is not None


def test_long_lists_are_cut() -> None:
    """A sentence lists a limited number of deliveries."""
    assert privacy_worker.listed(100, list(range(20))).endswith("and 80 more)")
