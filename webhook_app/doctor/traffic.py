"""Checks of what comes in and goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.doctor.finding import Finding, Level, span
from webhook_app.inbox.activity import ActivityKind, last_seen
from webhook_app.inbox.reports.backlog import dead as dead_by_shop
from webhook_app.inbox.reports.backlog import summary
from webhook_app.throttling import descriptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.doctor.finding import Subject
    from webhook_app.inbox.reports.backlog import InboxSummary

SILENT = 7 * 86400  # seconds without any event
OVERDUE = 60  # seconds that an event may wait for a worker


def events(subject: Subject) -> Iterator[Finding]:
    """Tell when each shop's last event came, and which topics never did."""
    now, seen = subject.inbox.clock(), last_seen(subject.inbox, ActivityKind.TOPIC)
    for shop in subject.shops.values():
        mine = {one.name: one.last_at for one in seen if one.shop == shop.name}
        wanted = [topic.name for topic in subject.platforms[shop.platform].topics if topic.subscribe]
        missing = ", ".join(topic for topic in wanted if topic not in mine)
        if not mine:
            yield Finding("events", Level.WARNING, f"Nothing ever came from {shop.name}.", _paste(shop.name))
            continue
        last = max(mine, key=lambda topic: mine[topic])
        ago = (now - mine[last]) / 1000
        level = Level.WARNING if ago > SILENT else Level.FINE
        todo = "Is the webhook still active at the platform?" if level is Level.WARNING else ""
        yield Finding("events", level, f"The last event of {shop.name} came {span(ago)} ago ({last}).", todo)
        if missing:
            yield Finding("events", Level.NOTE, f"{shop.name} never sent {missing}.", _paste(shop.name))


def workers(subject: Subject) -> Iterator[Finding]:
    """Tell whether a worker listens, and whether anything waits for one longer than it should."""
    heard, now = subject.inbox.wakeups.has_listener(), summary(subject.inbox)
    late = _late(subject, now)
    start = "Start one: python -m webhook_app worker (or run). Does its log say anything?"
    if late:
        said = f"Events of {', '.join(late)} are due and no worker has taken them for over {OVERDUE} s"
        why = {True: ", although one listens", False: ": none listens", None: ""}[heard]
        yield Finding("workers", Level.WRONG, f"{said}{why}.", start)
    elif heard is None:
        said = "Nothing waits too long; whether a worker runs cannot be told through a pooler."
        yield Finding("workers", Level.NOTE, said, "Look at its log, or send a sample.")
    elif heard:
        yield Finding("workers", Level.FINE, "A worker listens, and nothing waits too long for one.")
    else:
        yield Finding("workers", Level.WARNING, "No worker listens on this database.", start)


def breakers(subject: Subject) -> Iterator[Finding]:
    """Tell what is held up, and why."""
    throttles, now = subject.inbox.throttles(), subject.inbox.clock()
    names = set(subject.shops)
    said = [
        (throttle, descriptions.sentences(throttle, now))
        for throttle in throttles.values()
        if throttle.scope.concerns(names)
    ]
    held = [(throttle, sentence) for throttle, sentence in said if sentence]
    for throttle, sentence in held:
        level = Level.WRONG if throttle.is_open else Level.WARNING
        todo = "Correct instance_key or the address, and restart." if _is_ours(throttle.reason) else "It mends itself."
        yield Finding("breakers", level, f"{sentence[0].upper()}{sentence[1:]}", todo)
    if not held:
        yield Finding("breakers", Level.FINE, "No breaker is open and nothing is slowed down.")


def dead(subject: Subject) -> Iterator[Finding]:
    """Count what was given up."""
    count = sum(dead_by_shop(subject.inbox).values())
    if count:
        todo = "python -m webhook_app list --state dead; docs/reasons.md explains each; then replay or discard them."
        yield Finding("dead", Level.WARNING, f"Dead deliveries: {count}.", todo)


def _late(subject: Subject, now: InboxSummary) -> list[str]:
    """Return the shops of which something is due for too long, while no breaker holds it up."""
    throttles = subject.inbox.throttles().values()
    oldest = {one.shop: one.oldest for one in now.unfinished}
    waits = {queue.shop: now.at - (queue.due_at or oldest.get(queue.shop, now.at)) for queue in subject.inbox.queues()}
    return [
        shop
        for shop, milliseconds in waits.items()
        if shop in subject.shops and milliseconds > OVERDUE * 1000 and not descriptions.open_for(throttles, {shop})
    ]


def _is_ours(reason: str) -> bool:
    return reason in ("http_401", "http_403", "http_404", "dns") or reason.startswith("http_3")


def _paste(shop: str) -> str:
    return f"`check --url` says which URL to paste where for {shop}; `send-sample` tries the way."
