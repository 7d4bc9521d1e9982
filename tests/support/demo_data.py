"""Demo data: two weeks of two shops, with everything that the dashboard can show."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from webhook_app.inbox import Inbox, NewDelivery, Settlement, State, migrate
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import SampleValues
from webhook_app.signing.base import fingerprint
from webhook_app.throttling import circuit_breaker
from webhook_app.throttling.state import Scope
from webhook_app.tweakwise import retry_policy
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from webhook_app.inbox import Delivery

HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
SHOPS = {"demo-shopify": "shopify", "demo-woocommerce": "woocommerce"}
# Of the secrets in shops.demo.toml.
FINGERPRINTS = {
    "demo-shopify": fingerprint("demo-shopify-secret"),
    "demo-woocommerce": fingerprint("demowoocommercesecret"),
}


class DemoData:
    """Fills an inbox with two weeks of deliveries; the same every time, apart from the date."""

    def __init__(self, database_url: str, now: int) -> None:
        self.at = self.now = now
        self.inbox = Inbox(database_url, lease=60, clock=lambda: self.at)
        migrate.upgrade(self.inbox.database)
        self._random = random.Random(7)
        self._number = 5_500_000_000_000
        self._seen: dict[
            tuple[str, ActivityKind, str, int], list[int]
        ] = {}  # by hour: how often, when first, when last

    def fill(self, orders: int = 420) -> None:
        """Fill two weeks: nights are quieter than days, and WooCommerce has been silent for a day and a half."""
        moments = sorted(self._moment() for _ in range(orders))
        for position, moment in enumerate(moments):
            self._random = random.Random(f"3-{position}")  # what becomes of an order depends on no time of day
            shop = self._random.choices(list(SHOPS), (3, 1))[0]
            if shop == "demo-woocommerce" and moment > self.now - 36 * HOUR:
                continue
            self.at = moment
            self._order(shop)
        self.at = self.now - 40_000
        self._refuse()
        self._fail_last_order()
        self.at = self.now
        self._record()

    def _moment(self) -> int:
        while True:
            moment = self.now - self._random.randrange(60_000, 14 * DAY)
            hour = datetime.fromtimestamp(moment / 1000, UTC).hour
            if self._random.random() < (0.25 if hour < 7 else 1.0):
                return moment

    def arrive(self, shop: str, topic: str, body: bytes, identity: str = "") -> int:
        """Store one webhook as the receiver would."""
        platform = all_platforms()[SHOPS[shop]]
        self._number += 1
        headers = {platform.topic_headers[0]: topic}
        arrival = NewDelivery(
            shop, platform.name, topic, identity or f"id-{self._number}", "demo.example", headers, body
        )
        self._count(shop, ActivityKind.TOPIC, topic)
        self._count(shop, ActivityKind.SECRET, FINGERPRINTS[shop])
        self._count(shop, ActivityKind.ACCEPT, self._random.choice(["2", "2", "5", "5", "5", "10", "20"]))
        return self.inbox.store(arrival).id

    def body(self, shop: str) -> bytes:
        topic = all_platforms()[SHOPS[shop]].topics[0]
        now = datetime.fromtimestamp(self.at / 1000, UTC).isoformat(timespec="seconds")
        return json.dumps(
            topic.sample(SampleValues(self._number, now, "tweakwise_profile_key", f"p{self._number}"))
        ).encode()

    def _order(self, shop: str) -> None:
        topics = {
            "demo-shopify": ("orders/create", "orders/paid"),
            "demo-woocommerce": ("order.created", "order.updated"),
        }
        body, order = self.body(shop), self._number
        first = self.arrive(shop, topics[shop][0], body)
        self._settle(self._claimed(), order)
        self.at += self._random.randrange(2_000, 90_000)
        self.arrive(shop, topics[shop][1], body)
        key = f"purchase:{order}"
        self._finish(
            self._claimed(),
            State.IGNORED,
            reason="already_counted",
            detail=f"Delivery {first} counts this order.",
            key=key,
        )
        if self._random.random() < 0.08:
            self.arrive(shop, "products/update" if shop == "demo-shopify" else "product.updated", b'{"id": 1}')
            self._finish(
                self._claimed(), State.IGNORED, reason="unmapped_topic", detail="No event is made of this topic."
            )

    def _settle(self, delivery: Delivery, order: int) -> None:
        chance = self._random.random()
        body: dict[str, Any] = {"ProductKeys": ["10001", "10002"], "ProfileKey": f"profile-{order}", "Revenue": 129.95}
        call = Call("purchase", f"purchase:{order}", body)
        if chance < 0.1:
            self._finish(
                delivery, State.IGNORED, reason="no_profile", detail="A guest's order without a carried profile key."
            )
        elif chance < 0.115:
            failure = {"answer": '{"errors":{"ProductKeys":["Unknown key"]}}', "failure": "http_422", "took": 31}
            self._finish(delivery, State.DEAD, reason="http_422", call=call, attempted=True, **failure)
        else:
            if chance < 0.17:
                self._finish(
                    delivery, State.WAITING, reason="http_503", failure="http_503", took=812, call=call, attempted=True
                )
                self.at += self._random.randrange(3_000, 20_000)
                delivery = self._claimed()
            self.inbox.reserve([(delivery, call)])
            self._finish(delivery, State.DELIVERED, call=call, attempted=True, took=self._random.randrange(18, 95))

    def _claimed(self) -> Delivery:
        self.at += self._random.randrange(4, 160)
        [delivery] = self.inbox.claim(dict.fromkeys(SHOPS, 1))
        return delivery

    def _finish(self, delivery: Delivery, state: State, **values: Any) -> None:
        self.at += values.get("took", 1)
        self.inbox.settle([Settlement(delivery, state, **values)])

    def _fail_last_order(self) -> None:
        """Store an order while Tweakwise fails, which opens the circuit breaker."""
        body, order = self.body("demo-shopify"), self._number
        self.arrive("demo-shopify", "orders/create", body)
        call = Call("purchase", f"purchase:{order}", {"ProductKeys": ["10001"], "ProfileKey": f"profile-{order}"})
        for took in (5001, 5000):
            delivery = self._claimed()
            self._finish(
                delivery,
                State.WAITING,
                reason="timeout",
                failure="timeout",
                took=took,
                call=call,
                attempted=True,
                retry_in=2,
            )
            self.at += 3_000
        delivery = self._claimed()
        self._finish(
            delivery,
            State.WAITING,
            reason="http_503",
            failure="http_503",
            took=730,
            call=call,
            attempted=True,
            retry_in=90,
        )
        failures = [retry_policy.Failure("http_503", 503)] * 5
        self.inbox.update_throttle(
            Scope.shop("demo-shopify"),
            lambda throttle: (
                circuit_breaker.after_results(throttle, failures, self.now + 40_000, 5, lambda: 0.9),
                None,
            ),
        )

    def _refuse(self) -> None:
        for reason, count in (("signature_mismatch", 12), ("signature_missing", 3)):
            self._count("demo-shopify", ActivityKind.REFUSAL, reason, count)

    def _count(self, shop: str, kind: ActivityKind, name: str, count: int = 1) -> None:
        seen = self._seen.setdefault((shop, kind, name, self.at // HOUR), [0, self.at, self.at])
        seen[0] += count
        seen[2] = self.at

    def _record(self) -> None:
        seen = [
            ActivityCount(what[0], SHOPS[what[0]], what[1], what[2], *counted) for what, counted in self._seen.items()
        ]
        activity.record(self.inbox, seen)
