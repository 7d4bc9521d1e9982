"""Many demo shops, as an agency has them: written into an inbox at once, with what the pages about many shops show."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from webhook_app.inbox import Inbox, migrate
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind
from webhook_app.inbox.tables import attempts, deliveries, reconciliation_states, reconciliations

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
WORDS = ("atelier", "bakker", "cycles", "doek", "eiland", "fournil", "garten", "hoeve", "ijzer", "jardin")
COUNTRIES = (
    "nl",
    "be",
    "de",
    "fr",
    "at",
    "uk",
    "es",
    "it",
    "dk",
    "pl",
    "se",
    "no",
    "fi",
    "pt",
    "ie",
    "ch",
    "cz",
    "lu",
    "gr",
    "hu",
)
API = '[shops.{name}.api]\nurl = "https://{name}.myshopify.com"\n'
TABLE = {
    "shopify": f'secrets = ["{{name}}-shopify-secret-01"]\n{API}client_id = "c"',
    "woocommerce": f'secrets = ["{{name}}woocommercesecret"]\n{API}key = "k"\nsecret = "s"',
    "shopware": 'app_secret = "{name}-app-secret-0123456789"',
}
TOPICS = {
    "shopify": ("orders/create", "orders/paid"),
    "woocommerce": ("order.created", "order.updated"),
    "shopware": ("checkout.order.placed", "state_enter.order_transaction.state.paid"),
}
COLUMNS = dict.fromkeys((*("detail", "domain"),), "") | {"claims": 1, "lapses": 0, "attempts": 1}


def shops(number: int) -> dict[str, str]:
    """The names of so many shops, and their platforms."""
    names = [f"{word}-{country}" for country in COUNTRIES for word in WORDS][:number]
    return {name: [*TOPICS][position % 7 % 3] for position, name in enumerate(names)}


def document(number: int) -> str:
    """The TOML of so many shops."""
    head = '[shops.{name}]\nplatform = "{platform}"\ninstance_key = "demo0001"\nprofile_salt = "demo-profile-salt"\n'
    tables = shops(number).items()
    return "".join(f"{head}{TABLE[platform]}\n".format(name=name, platform=platform) for name, platform in tables)


def fill(database_url: str, number: int, now: int) -> None:
    """Write a month of so many shops: most are fine, some have problems of their own; the same every time."""
    inbox, chance = Inbox(database_url), random.Random(11)
    migrate.upgrade(inbox.database)
    rows = sorted(_deliveries(number, now, chance), key=lambda row: row["received_at"])
    with inbox.database.write() as connection:
        first = (connection.execute(select(func.max(deliveries.c.id))).scalar() or 0) + 1
        numbered = [{**row, "id": first + position} for position, row in enumerate(rows)]
        connection.execute(insert(deliveries), numbered)
        failed = [row for row in numbered if row["attempts"] > 1 or row["state"] in ("dead", "waiting")]
        connection.execute(insert(attempts), [_attempt(row, chance) for row in failed])
        compared = [
            one
            for name, platform in shops(number).items()
            if platform != "shopware"
            for one in _compared(name, now, chance)
        ]
        connection.execute(insert(reconciliations), compared)
        connection.execute(
            insert(reconciliation_states), [_state(name, now) for name in {one["shop"] for one in compared}]
        )
    activity.record(inbox, list(_activity(numbered, now, chance)))
    inbox.close()


def _deliveries(number: int, now: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for position, (name, platform) in enumerate(shops(number).items()):
        a_day = 0 if position % 23 == 9 else chance.choice((2, 5, 9, 14, 30, 60))
        for order in range(a_day * 4):
            at = now - int(chance.random() ** 2 * 30 * DAY) - 90_000
            if chance.random() < 0.6 and at // HOUR % 24 < 7:
                continue  # nights are quieter
            if position % 29 == 12 and at > now - 40 * HOUR:
                continue  # it is silent
            yield _delivery(name, platform, 0, order, at, *_outcome(position, at, now, chance), chance)
            yield _delivery(name, platform, 1, order, at + 20_000, "ignored", "already_counted", chance)


def _outcome(position: int, at: int, now: int, chance: random.Random) -> tuple[str, str]:
    if position % 31 == 4 and at > now - 6 * HOUR:
        return "waiting", "http_503"
    if chance.random() < (0.2 if position % 37 == 5 else 0.0008):
        return "dead", "http_422"
    return ("ignored", "no_profile") if chance.random() < (0.6 if position % 11 == 3 else 0.04) else ("delivered", "")


def _delivery(  # noqa: PLR0913, PLR0917 - a row has that many values
    name: str, platform: str, topic: int, order: int, at: int, state: str, reason: str, chance: random.Random
) -> dict[str, Any]:
    is_late = chance.random() < 0.04
    took = int(chance.lognormvariate(5, 0.5)) + (chance.randrange(2_000, 90_000) if is_late else 0)
    due_at = at + 30 * HOUR if state == "waiting" else None
    return {
        **COLUMNS,
        "shop": name,
        "platform": platform,
        "topic": TOPICS[platform][topic],
        "identity": f"{order}-{topic}",
        "received_at": at,
        "state": state,
        "reason": reason,
        "due_at": due_at,
        "settled_at": None if due_at else at + took,
        "business_key": f"purchase:{order}",
        "order_name": f"#{order}",
        "attempts": 2 if is_late and state == "delivered" else 1,
    }


def _attempt(row: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    failure = row["reason"] or chance.choice(("timeout", "timeout", "http_503", "reset", "connect"))
    return {"delivery_id": row["id"], "claim": 1, "ended_at": row["received_at"] + 800, "failure": failure, "took": 700}


def _compared(name: str, now: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for day in range(30):
        at = now - day * DAY - HOUR
        missing = chance.choice((0, 0, 0, 0, 0, 1)) if len(name) % 2 else 0
        counts = {"listed": 120, "received": 120 - missing, "waiting": 0, "missing": missing, "filled": missing}
        times = {"since": at - DAY, "until": at, "ended_at": at, "took": 900}
        yield {"shop": name, "kind": "changes", **times, **counts, "error": "", "detail": ""}


def _state(name: str, now: int) -> dict[str, Any]:
    times = {"watermark": now - HOUR, "tried_at": now - HOUR, "complete_at": now - HOUR, "whole_at": now - 8 * HOUR}
    return {
        "shop": name,
        **times,
        "failures": 0,
        "error": "",
        "detail": "",
        "missing": 0,
        "missing_total": 0,
        "webhooks": "[]",
    }


def _activity(rows: list[dict[str, Any]], now: int, chance: random.Random) -> Iterator[ActivityCount]:
    for row in rows:
        shop, platform, at = row["shop"], row["platform"], row["received_at"]
        yield ActivityCount(shop, platform, ActivityKind.TOPIC, row["topic"], 1, at, at)
        yield ActivityCount(shop, platform, ActivityKind.ACCEPT, chance.choice(("2", "5", "5", "10")), 1, at, at)
    for position, name in enumerate({row["shop"]: None for row in rows}):
        if position % 19 == 6:
            at = now - 20 * 60_000
            yield ActivityCount(name, "shopify", ActivityKind.REFUSAL, "signature_mismatch", 3 + position % 30, at, at)
