"""Measures the inbox for the checks: reads indexes, never deliveries that are settled and fine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from webhook_app.code_version import code_version
from webhook_app.errors import ConfigurationError, StoreUnavailableError
from webhook_app.health import disks
from webhook_app.health.exposed_secrets import exposed_file
from webhook_app.health.measurements import DatabaseStatus, Measurements, SilentTopic
from webhook_app.health.thresholds import DIED_WITHIN, OVERDUE_AFTER, SIGNATURE_PERIOD, WIPED_WITHIN, Thresholds
from webhook_app.inbox import migrate, presence
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.operations import muted_findings
from webhook_app.inbox.privacy import dead_bodies, privacy_requests
from webhook_app.inbox.reports import backlog
from webhook_app.inbox.shop_records import reconciliations
from webhook_app.throttling import descriptions
from webhook_app.time_units import DAY, HOUR, SECOND, now_ms

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.config.watch import ConfigurationCheck
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.reports.backlog import Backlog, ShopCount
    from webhook_app.platforms.base import Platform

# All in milliseconds.
BEFORE = 7 * DAY  # the period that shows how many signature failures are usual
TWO_WEEKS = 14 * DAY
SETTLING = HOUR  # a younger delivery need not be settled yet

Totals = dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: an inbox with its configuration. `shops` are those to judge; others in the inbox are not.

    `check` is there in a process that goes on with its shops when the files change.
    """

    config: Settings
    shops: Mapping[str, Shop]
    platforms: Mapping[str, Platform]
    inbox: Inbox
    check: ConfigurationCheck | None = None


def measure(subject: Subject) -> Measurements:
    """Measure the database, the disks and the inbox. Raises nothing: an unavailable database is a figure too."""
    inbox, config = subject.inbox, subject.config
    measured = Measurements(
        inbox.clock(),
        Thresholds.configured(config),
        subject.shops,
        subject.platforms,
        config.tweakwise_url,
        exposed_file(),
        subject.check.faults() if subject.check else (),
        _database(subject),
        disks.statuses(config),
        disks.spooled(config.spool),
    )
    if not measured.database.is_usable:
        return measured
    try:
        return _with_inbox(measured, inbox, config.keep_dead)
    except StoreUnavailableError as error:
        return replace(measured, database=replace(measured.database, failure=str(error)))


def _database(subject: Subject) -> DatabaseStatus:
    database = subject.inbox.database
    engine = database.engine.dialect.name
    try:
        if not database.exists():
            return DatabaseStatus(engine, exists=False)
        if fault := migrate.fault(database):
            return DatabaseStatus(engine, fault=fault)
        config = subject.config
        warnings = database.warnings(config.web_concurrency, by_host=bool(config.web_concurrency_set_by))
        newer = migrate.newer_revision(database)
    except (StoreUnavailableError, ConfigurationError) as error:
        return DatabaseStatus(engine, failure=str(error))
    skew = now_ms() - subject.inbox.clock() if engine == "postgresql" else 0
    fault = database.write_fault()
    return DatabaseStatus(engine, migrate.head(), newer or "", warnings=warnings, write_fault=fault, clock_skew=skew)


def _with_inbox(measured: Measurements, inbox: Inbox, keep_dead: float) -> Measurements:
    """Add what the inbox shows. Raises StoreUnavailableError."""
    shops, now = measured.shops, inbox.clock()
    measured = _with_arrivals(measured, inbox, now)
    next_hour = now // HOUR * HOUR + HOUR
    day = (next_hour - HOUR - SETTLING - DAY, next_hour - HOUR - SETTLING)
    backlogs = [one for one in backlog.backlogs(inbox) if one.shop in shops]
    expiring_within = min(WIPED_WITHIN, keep_dead * SECOND / 4)
    measured = replace(measured, now=now, throttles=inbox.throttles(), backlogs=backlogs)
    return replace(
        measured,
        dead={shop: count for shop, count in backlog.dead(inbox).items() if shop in shops},
        expiring=dead_bodies.count(inbox, int(now - keep_dead * SECOND + expiring_within)),
        expiring_within=expiring_within,
        died=backlog.died(inbox, shops, now - DIED_WITHIN),
        lapsed=backlog.lapsed(inbox, shops),
        overdue=_overdue(measured, inbox),
        worker_runs=presence.worker_runs(inbox),
        version=code_version(),
        processes=presence.running(inbox),
        last_migration=presence.last_migration(inbox),
        erasing={shop: at for shop, at in privacy_requests.delayed(inbox).items() if shop in shops},
        silent=_silent(measured, inbox),
        arrived=_by_shop(activity.totals(inbox, ActivityKind.TOPIC, *day)),
        missing=_missing(inbox, shops, backlogs, day),
        reconciliations=list(reconciliations.current(inbox, shops).values()),
        muted=muted_findings.muted(inbox),
    )


def _with_arrivals(measured: Measurements, inbox: Inbox, now: int) -> Measurements:
    next_hour = now // HOUR * HOUR + HOUR
    recent = (next_hour - SIGNATURE_PERIOD, next_hour)
    before = (next_hour - SIGNATURE_PERIOD - BEFORE, next_hour - SIGNATURE_PERIOD)
    refused = _of(measured.shops, activity.totals(inbox, ActivityKind.REFUSAL, *recent))
    share = SIGNATURE_PERIOD / BEFORE
    usually = {
        what: count * share
        for what, count in activity.totals(inbox, ActivityKind.REFUSAL, *before).items()
        if what in refused
    }
    accepted = _by_shop(activity.totals(inbox, ActivityKind.TOPIC, *before)) if refused else {}
    return replace(
        measured,
        refused=refused,
        usually_refused=usually,
        last_refused=_last(inbox, ActivityKind.REFUSAL, measured.shops) if refused else {},
        accepted=_by_shop(activity.totals(inbox, ActivityKind.TOPIC, *recent)),
        usually_accepted={shop: count * share for shop, count in accepted.items()},
        last_accepted=_last(inbox, ActivityKind.TOPIC, measured.shops),
        addresses=activity.addresses(inbox),
    )


def _of(shops: Collection[str], totals: Totals) -> Totals:
    return {what: count for what, count in totals.items() if what[0] in shops}


def _last(inbox: Inbox, kind: ActivityKind, shops: Collection[str]) -> Totals:
    return {(one.shop, one.name): one.last_at for one in activity.last_seen(inbox, kind) if one.shop in shops}


def _by_shop(totals: Totals) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for (shop, _), count in totals.items():
        counts[shop] += count
    return counts


def _overdue(measured: Measurements, inbox: Inbox) -> dict[str, int]:
    """Return for how long an event has been due, for each shop where no circuit breaker holds it up."""
    oldest = {one.shop: one.oldest for one in measured.backlogs}
    waits = {one.shop: measured.now - (one.due_at or oldest.get(one.shop, measured.now)) for one in inbox.queues()}
    throttles: Any = measured.throttles.values()
    return {
        shop: waited
        for shop, waited in waits.items()
        if shop in measured.shops and waited > OVERDUE_AFTER and not descriptions.open_for(throttles, {shop})
    }


def _silent(measured: Measurements, inbox: Inbox) -> list[SilentTopic]:
    """Return the topics that have not been received for long; one that is received as usual costs nothing here."""
    since = measured.now - int(measured.thresholds.silent_for * 1000)
    last = {topic: at for topic, at in measured.last_accepted.items() if at < since}
    hours = activity.hours_until(inbox, ActivityKind.TOPIC, last, TWO_WEEKS)
    return [SilentTopic(*topic, at, hours.get(topic, ())) for topic, at in last.items()]


def _missing(
    inbox: Inbox, shops: Collection[str], backlogs: Sequence[Backlog], day: tuple[int, int]
) -> list[ShopCount]:
    """Count the dead and the unfinished deliveries of the day; those just replayed need not be settled yet."""
    numbers = range(*(backlog.first_since(inbox, moment) for moment in day))
    late = {one.shop for one in backlogs}
    found = backlog.died(inbox, shops, day[0], numbers)
    if late:
        found += backlog.unfinished(inbox, late, numbers, inbox.clock() - SETTLING)
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.shop] += one.count
    return [replace(one, count=counts[one.shop]) for one in {one.shop: one for one in found}.values()]
