"""The messages of alerts: one for each beginning and end, or one for those of several shops with the same cause."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook_app.health.thresholds import FOLDED_FROM

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from webhook_app.inbox.operations.active_alerts import ActiveAlert

BEGAN, OVER, TEST, DIGEST = "alert.began", "alert.over", "alert.test", "alert.digest"
MOST_NAMED = 10  # shops in a text
MOST_LISTED = 1000  # shops in the data


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """A message; a repeated message has the same `id`. `type` is alert.began, .over, .test or .digest.

    `problem` identifies what begins and ends, and `remaining` is how many alerts of it are still active.
    """

    id: str
    type: str
    text: str
    data: dict[str, Any]
    problem: str = ""
    remaining: int = 0


def in_groups(alerts: Iterable[ActiveAlert]) -> list[tuple[ActiveAlert, ...]]:
    """Return alerts in groups for one message each: those of several shops with the same cause are one."""
    same: dict[tuple[str, ...], list[ActiveAlert]] = {}
    for alert in alerts:
        same.setdefault(_cause(alert), []).append(alert)
    groups: list[tuple[ActiveAlert, ...]] = []
    for members in same.values():
        groups += [tuple(members)] if len(_shops(members)) >= FOLDED_FROM else [(one,) for one in members]
    return groups


def started_message(group: Sequence[ActiveAlert]) -> AlertMessage:
    """Return the message for the beginning of a problem."""
    first = group[0]
    sample, topic = first.sample, first.topic
    shown = f"{sample} ({topic})" if topic else f"{sample}"
    return _message(group, BEGAN, _text(group) + (f" For example delivery {shown}." if sample else ""))


def ended_message(group: Sequence[ActiveAlert], active: Iterable[ActiveAlert] = ()) -> AlertMessage:
    """Return the message for the end of a problem, which those of `active` with the same cause still have."""
    remaining = [alert for alert in active if _cause(alert) == _cause(group[0])]
    others = len(set(_shops(remaining)) - set(_shops(group)))
    still = f" It remains in {others} shops." if others > 1 else " It remains in one other shop." if others else ""
    return _message(group, OVER, f"Resolved: {_text(group)}{still}", len(remaining))


def test_message(shops: Collection[str]) -> AlertMessage:
    """Return the message of `alert --test`."""
    text = f"This is a test of the Tweakwise webhook receiver ({', '.join(sorted(shops))}). No action is needed."
    return AlertMessage(f"alert_{uuid.uuid4().hex[:24]}", TEST, text, {"shops": sorted(shops)})


def digest_of(*parts: object) -> str:
    """Return what identifies a message or a problem, always the same for the same parts."""
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:24]


def _cause(alert: ActiveAlert) -> tuple[str, ...]:
    return (alert.kind, "cause", alert.cause) if alert.cause else (alert.kind, "name", alert.name)


def _shops(alerts: Iterable[ActiveAlert]) -> list[str]:
    """Return each shop once: it may have several alerts with the same cause, such as one for each webhook."""
    return list(dict.fromkeys(alert.shop for alert in alerts))


def _text(group: Sequence[ActiveAlert]) -> str:
    if len(group) == 1:
        return group[0].text
    names = _shops(group)
    others = len(names) - MOST_NAMED
    listed = ", ".join(names[:MOST_NAMED]) + (f" and {others} more" if others > 0 else "")
    return f"{len(names)} shops: {group[0].cause} ({listed})."


def _message(group: Sequence[ActiveAlert], kind: str, text: str, remaining: int = 0) -> AlertMessage:
    first = group[0]
    names = [part for alert in group for part in (alert.name, alert.since)]
    data = {name: getattr(first, name) for name in ("kind", "shop", "topic", "sample", "since")}
    if len(group) > 1:
        shops = _shops(group)
        data |= {"shop": "", "since": min(alert.since for alert in group), "shops": shops[:MOST_LISTED]}
    problem = digest_of(first.recipient or "", *_cause(first))
    return AlertMessage(f"alert_{digest_of(*names, kind)}", kind, text, data, problem, remaining)
