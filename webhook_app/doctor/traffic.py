"""Checks of received events, workers, circuit breakers and dead deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.doctor.finding import Finding, Severity
from webhook_app.formatting import counted, duration
from webhook_app.inbox import dead_bodies
from webhook_app.inbox.activity import ActivityKind, last_seen
from webhook_app.inbox.reports.backlog import dead as dead_by_shop
from webhook_app.inbox.reports.backlog import summary
from webhook_app.throttling import descriptions
from webhook_app.time_units import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.doctor.finding import CheckContext
    from webhook_app.inbox.reports.backlog import InboxSummary

SILENT_AFTER = 7 * DAY  # without any event of a shop
WARN_BEFORE = 14 * DAY  # before bodies of dead deliveries are wiped
OVERDUE_AFTER = MINUTE  # that a due event may wait for a worker
START_A_WORKER = "Start one (python -m webhook_app worker, or run), and check its log for errors."


def events(context: CheckContext) -> Iterator[Finding]:
    """Report when the last event of each shop was received, and which topics were never received."""
    now, seen = context.inbox.clock(), last_seen(context.inbox, ActivityKind.TOPIC)
    for shop in context.shops.values():
        received = {one.name: one.last_at for one in seen if one.shop == shop.name}
        wanted = [topic.name for topic in context.platforms[shop.platform].topics if topic.subscribe]
        missing = ", ".join(topic for topic in wanted if topic not in received)
        if not received:
            text = f"No webhook was ever received from {shop.name}."
            yield Finding("events", Severity.WARNING, text, _how_to_connect(shop.name))
            continue
        yield _last_event(shop.name, received, now)
        if missing:
            text = f"{shop.name} never sent {missing}."
            yield Finding("events", Severity.INFO, text, _how_to_connect(shop.name))


def _last_event(shop: str, received: dict[str, int], now: int) -> Finding:
    last = max(received, key=lambda topic: received[topic])
    age = now - received[last]
    text = f"The last event of {shop} was received {duration(age)} ago ({last})."
    if age > SILENT_AFTER:
        return Finding("events", Severity.WARNING, text, "Check that the webhook is still active at the platform.")
    return Finding("events", Severity.OK, text)


def workers(context: CheckContext) -> Iterator[Finding]:
    """Check that a worker listens, and that no due event waits for one."""
    listening, late = context.inbox.wakeups.has_listener(), _late(context, summary(context.inbox))
    if late:
        text = f"Events of {', '.join(late)} have been due for over {duration(OVERDUE_AFTER)}"
        why = {True: ", although a worker listens", False: ", and no worker listens", None: ""}[listening]
        yield Finding("workers", Severity.ERROR, f"{text}{why}.", START_A_WORKER)
    elif listening is None:
        text = "No event is overdue; a connection pooler hides whether a worker is running."
        yield Finding("workers", Severity.INFO, text, "Check the log of the worker, or send a sample.")
    elif listening:
        yield Finding("workers", Severity.OK, "A worker listens, and no event is overdue.")
    else:
        yield Finding("workers", Severity.WARNING, "No worker listens on this database.", START_A_WORKER)


def breakers(context: CheckContext) -> Iterator[Finding]:
    """Report what is held up or slowed down, and why."""
    throttles, now = context.inbox.throttles(), context.inbox.clock()
    names = set(context.shops)
    described = [
        (throttle, sentence)
        for throttle in throttles.values()
        if throttle.scope.applies_to(names) and (sentence := descriptions.sentences(throttle, now, with_action=False))
    ]
    for throttle, sentence in described:
        severity = Severity.ERROR if throttle.is_open else Severity.WARNING
        corrected = "Correct instance_key or the address, and restart."
        advice = corrected if _is_configuration(throttle.reason) else "No action is needed: it recovers by itself."
        yield Finding("breakers", severity, f"{sentence[0].upper()}{sentence[1:]}", advice)
    if not described:
        yield Finding("breakers", Severity.OK, "No circuit breaker is open and no rate is lowered.")


def dead(context: CheckContext) -> Iterator[Finding]:
    """Count the dead deliveries."""
    count = sum(dead_by_shop(context.inbox).values())
    if count:
        text = f"{counted(count, 'dead delivery', 'dead deliveries')}: given up, and not sent to Tweakwise."
        advice = (
            "List them with python -m webhook_app list --state dead; docs/reasons.md explains each reason. "
            "Then replay or discard them."
        )
        yield Finding("dead", Severity.WARNING, text, advice)


def _late(context: CheckContext, now: InboxSummary) -> list[str]:
    """Return the shops with an event that is overdue while no circuit breaker holds it up."""
    throttles = context.inbox.throttles().values()
    oldest = {one.shop: one.oldest for one in now.unfinished}
    waits = {queue.shop: now.at - (queue.due_at or oldest.get(queue.shop, now.at)) for queue in context.inbox.queues()}
    return [
        shop
        for shop, waited in waits.items()
        if shop in context.shops and waited > OVERDUE_AFTER and not descriptions.open_for(throttles, {shop})
    ]


def _is_configuration(reason: str) -> bool:
    return reason in ("http_401", "http_403", "http_404", "dns") or reason.startswith("http_3")


def _how_to_connect(shop: str) -> str:
    return f"`check --url` shows the webhook URL of {shop} and where to paste it; `send-sample` tests it."


def expiring(context: CheckContext) -> Iterator[Finding]:
    """Report dead deliveries that cannot be replayed much longer."""
    keep = context.config.keep_dead
    soon = min(WARN_BEFORE, keep * SECOND / 4)
    if found := dead_bodies.count(context.inbox, int(context.inbox.clock() - keep * SECOND + soon)):
        text = f"{counted(found, 'dead delivery loses its', 'dead deliveries lose their')} body within {duration(soon)}"
        advice = "Correct the cause and replay them, discard them, or set KEEP_DEAD to a longer time."
        yield Finding("dead", Severity.WARNING, f"{text} (KEEP_DEAD), and cannot be replayed then.", advice)
