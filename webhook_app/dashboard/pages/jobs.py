"""Replay and discard of all deliveries that a filter shows: a count first, then a job with its progress."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from flask import abort, redirect, request, url_for

from webhook_app.config.users import Role
from webhook_app.dashboard import counts, delivery_filters
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import audit_event, current, scope, user
from webhook_app.dashboard.delivery_filters import STATES, whole
from webhook_app.dashboard.rendering import render
from webhook_app.inbox import Verb, presence
from webhook_app.inbox.operations import bulk_changes, bulk_jobs
from webhook_app.inbox.operations.audit_log import AuditAction
from webhook_app.inbox.operations.bulk_changes import MANY
from webhook_app.inbox.operations.bulk_jobs import NewJob
from webhook_app.inbox.states import sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from webhook_app.dashboard.delivery_filters import GivenFilters
    from webhook_app.inbox.operations.bulk_changes import SelectionCounts
    from webhook_app.inbox.operations.bulk_jobs import BulkJob
    from webhook_app.inbox.reports.delivery_pages import DeliveryFilter

FIELDS = ("verb", "rate", "up_to", "confirmed")  # of the form, besides the filters
HIGHEST_RATE = 100_000  # deliveries a second
SOON = 15_000  # milliseconds after which a running worker has begun a job


class VerbTexts(NamedTuple):
    """How the pages name a change: a button, what it did to deliveries, and what comes of it."""

    button: str
    done: str
    about: str


VERBS = {
    Verb.REPLAY.value: VerbTexts("Replay", "queued again", "They are translated with today's settings and sent."),
    Verb.DISCARD.value: VerbTexts(
        "Discard",
        "discarded",
        "They are never sent, and their bodies are wiped after KEEP_BODIES. Until then a replay undoes it.",
    ),
}


def verbs_for(filters: Mapping[str, str]) -> list[str]:
    """Return what the user may do with all that the filters show; without a filter that is nothing."""
    if not filters or not user().may(Role.OPERATE):
        return []
    state = filters.get("state", "")
    states = STATES.get(state, (state,)) if state else ()
    return [verb for verb in VERBS if not states or set(states).intersection(sources(Verb(verb)))]


@blueprint.get("/jobs/new")
def new_job() -> ResponseReturnValue:
    """Count what a job would change, and change nothing."""
    if not request.args:
        return redirect(url_for(".deliveries"), 303)
    verb, filters = _verb(request.args), _filters(request.args)
    counted = _count(verb, filters)
    return _confirmation(verb, filters, counted)


@blueprint.post("/jobs")
def start_job() -> ResponseReturnValue:
    """Start a job for the deliveries that were counted."""
    verb, filters = _verb(request.form), _filters(request.form)
    counted = _count(verb, filters, whole(request.form.get("up_to", "")))
    able, given = counted.able(verb), request.form.get("rate", "").strip()
    rate = whole(given)
    if given and not (rate and rate <= HIGHEST_RATE):
        return _confirmation(verb, filters, counted, f"Rate: expected a number from 1 to {HIGHEST_RATE}.")
    if not able:
        return _confirmation(verb, filters, counted, "There is nothing left to change.")
    if able > MANY and request.form.get("confirmed") != "yes":
        return _confirmation(verb, filters, counted, "Confirm that you want to change so many deliveries.")
    event = audit_event(AuditAction.JOB_STARTED)
    new = NewJob(
        verb,
        _wanted(verb, filters),
        scope(filters.values.get("shop")),
        filters.described(),
        rate,
        counted.last,
        able,
        event.source,
        event.session,
        event.user_name,
    )
    return redirect(url_for(".job", number=bulk_jobs.start(current().inbox, new)), 303)


@blueprint.get("/jobs/<int:number>")
def job(number: int) -> ResponseReturnValue:
    """Show how far a job has come."""
    found, now = _found(number), current().inbox.clock()
    lacks_worker = found.ended_at is None and not presence.worker_runs(current().inbox)
    waits = not lacks_worker and not found.claims and found.ended_at is None and now - found.started_at > SOON
    return render(
        "dashboard/job.html", job=found, texts=VERBS[found.verb], now=now, waits=waits, lacks_worker=lacks_worker
    )


@blueprint.post("/jobs/<int:number>/cancel")
def cancel_job(number: int) -> ResponseReturnValue:
    """End a job between two steps."""
    found = _found(number)
    detail = bulk_jobs.event_of(found, AuditAction.JOB_CANCELLED).detail
    bulk_jobs.cancel(current().inbox, number, audit_event(AuditAction.JOB_CANCELLED, detail=detail))
    return redirect(url_for(".job", number=number), 303)


def _found(number: int) -> BulkJob:
    """Return a job that changes deliveries of the user's shops alone; any other one is not there."""
    found = bulk_jobs.get(current().inbox, min(number, 2**63 - 1))
    if found is None or not found.concerns_only(user().shops):
        abort(404, f"There is no job {number}.")
    return found


def _verb(given: Mapping[str, str]) -> Verb:
    name = given.get("verb", "")
    return Verb(name) if name in VERBS else abort(400, "Choose replay or discard.")


def _filters(given: Mapping[str, str]) -> GivenFilters:
    filters = delivery_filters.read(given, others=FIELDS)
    if filters.errors:
        abort(400, " ".join(filters.errors))
    if not filters.values:
        abort(400, "Set a filter first: state dead selects all dead deliveries.")
    return filters


def _wanted(verb: Verb, filters: GivenFilters) -> DeliveryFilter:
    wanted = filters.wanted()
    return replace(wanted, selection=bulk_changes.narrowed(wanted.selection, verb))


def _count(verb: Verb, filters: GivenFilters, last: int | None = None) -> SelectionCounts:
    if "order" in filters.values:
        counts.read_order_names()
    return bulk_changes.count(current().inbox, _wanted(verb, filters), verb, last)


def _confirmation(verb: Verb, filters: GivenFilters, counted: SelectionCounts, error: str = "") -> ResponseReturnValue:
    page = render(
        "dashboard/new_job.html",
        verb=verb.value,
        texts=VERBS[verb.value],
        filters=filters.fixed(),
        shown=filters.values,
        about=filters.described(),
        counted=counted,
        able=counted.able(verb),
        states=[state.value for state in sources(verb)],
        many=MANY,
        error=error,
    )
    return page, 400 if error else 200
