"""Tries one shop out without counting anything: secrets, the API of its platform, and samples through translation."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.events import Ignored
from webhook_app import masking
from webhook_app.cli.support import source_connection
from webhook_app.errors import BadSignatureError
from webhook_app.health.checks import ALL
from webhook_app.health.evaluation import findings
from webhook_app.health.measure import Subject, measure
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms, samples
from webhook_app.reasons import titled
from webhook_app.sources.base import USUAL_RATE
from webhook_app.time_units import now_ms
from webhook_app.translation.translate import Payload, translate
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform, Topic

CHECKS, API = ("configuration", "secrets", "addresses"), "api"

Line = tuple[str, str, bool]  # what was tried, a sentence, and whether it is fine


def width(shop: Shop) -> int:
    """Return the width of the longest name of what is tried."""
    return max(map(len, (*CHECKS, API, *(topic.name for topic in all_platforms()[shop.platform].topics))))


def lines(config: Settings, shop: Shop) -> Iterator[Line]:
    """Yield what was tried and whether it is fine."""
    yield from _findings(config, shop)
    yield from _access(shop)
    platform = all_platforms()[shop.platform]
    for topic in platform.topics:
        yield _sample(config, shop, platform, topic)


def _findings(config: Settings, shop: Shop) -> Iterator[Line]:
    """Yield what the health checks find about the configuration of the shop alone."""
    with closing(Inbox.configured(config)) as inbox:
        measured = measure(Subject(config, {shop.name: shop}, all_platforms(), inbox))
    checks = [check for check in ALL if check.name in CHECKS]
    for one in findings(measured, checks):
        yield one.check, f"{one.text} {one.advice}".rstrip(), not one.is_problem


def _access(shop: Shop) -> Iterator[Line]:
    if shop.api is None:
        yield API, "none configured: missed orders are not found, see docs/reconciliation.md", True
        return
    report = source_connection.connect(shop, USUAL_RATE).access()
    for problem in report.problems:
        yield API, problem, False
    if not report.problems:
        yield API, "the credentials work", True
    yield from ((API, note, True) for note in (*report.warnings, *report.notes))


def _sample(config: Settings, shop: Shop, platform: Platform, topic: Topic) -> Line:
    """Sign a sample, verify and translate it as the receiver and a worker would."""
    secret = next(iter(shop.secrets), shop.app_secret or "")
    domain = samples.address(shop.domain)
    headers, body = samples.signed_delivery(platform, topic, shop.profile_attribute, secret, domain)
    lowered = {name.lower(): value for name, value in headers.items()}
    if not topic.storefront or not platform.proxy:
        try:
            platform.verify(body, lowered, [secret])
        except BadSignatureError as error:
            return topic.name, f"is refused: {error.reason}", False
    payload = Payload(0, topic.name, now_ms(), body, domain)
    decision = translate(payload, replace(shop, domain=()), platform, source_connection.ages(config), _now())
    if isinstance(decision, Call):
        call = json.dumps(masking.masked_call(decision.as_json()), ensure_ascii=False)
        return topic.name, f"would be sent: {decision.event} {call}", True
    if isinstance(decision, Ignored):
        why = ": ".join(filter(None, [titled(decision.reason), decision.detail]))
        return topic.name, f"is ignored: {why}", True
    return topic.name, type(decision).__name__.lower(), not isinstance(decision, Unreadable)


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
