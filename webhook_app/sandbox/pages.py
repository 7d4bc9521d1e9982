"""The HTML pages, and the failure switches, as a form and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from schemas.event_types import EVENT_TYPES, product_keys_of
from webhook_app.errors import UnreadableBodyError
from webhook_app.sandbox.analytics import first_faults, is_instance_key, read_body
from webhook_app.sandbox.context import current
from webhook_app.sandbox.failure_switches import numbers_of, read_switches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from webhook_app.sandbox.events import SandboxEvent
    from webhook_app.sandbox.failure_switches import FailureSettings

SHOWN_EVENTS = 50
SHOWN_REFUSALS = 20
SHOWN_OF_PROFILE = 200
SHOWN_PRODUCTS = 8
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")

pages = Blueprint("pages", __name__)


@pages.get("/")
def index() -> ResponseReturnValue:
    """Show the figures, the switches, the latest events and the latest refusals."""
    return _index({})


def _index(faults: Mapping[str, Any], entered: Mapping[str, Any] | None = None) -> str:
    sandbox = current()
    counts, events = sandbox.store.events()
    seen = {event.call.instance_key for event in events[-SHOWN_EVENTS:]}
    return render_template(
        "index.html",
        live=request.args.get("live") == "1",
        faults=faults,
        counts=counts,
        figures=sandbox.store.figures(),
        kinds=EVENT_TYPES,
        has_catalogue=bool(sandbox.catalogue),
        switches=sandbox.failures.switches,
        of_keys=sandbox.failures.of_keys,
        is_on=sandbox.failures.on,
        known_keys=sorted({*sandbox.instance_keys, *sandbox.failures.of_keys, *seen}),
        entered=entered or _written(sandbox.failures.switches),
        rows=[_row(event) for event in reversed(events[-SHOWN_EVENTS:])],
        refusals=sandbox.store.refusals()[: -SHOWN_REFUSALS - 1 : -1],
    )


def _written(switches: FailureSettings) -> dict[str, Any]:
    return {**asdict(switches), "rate": f"{switches.rate:g}", "instance_key": ""}


@pages.get("/profiles/<instance_key>/<path:profile_key>")
def profile(instance_key: str, profile_key: str) -> ResponseReturnValue:
    """Show one profile and its stored events."""
    found = current().store.profile(instance_key, profile_key)
    if found is None:
        abort(404, "There is no such profile. It sent no event yet, or it was evicted or removed.")
    summary, events = found
    return render_template(
        "profile.html",
        profile=summary,
        revenue=_amount(summary["revenue"]),
        rows=[_row(event) for event in reversed(events[-SHOWN_OF_PROFILE:])],
        more=len(events[:-SHOWN_OF_PROFILE]),
    )


def _row(event: SandboxEvent) -> dict[str, Any]:
    body, unknown = event.call.body, event.call.unknown_products
    missing = set(unknown)
    known = [key for key in product_keys_of(body) if key not in missing]
    return {
        "event": event,
        "known": known[:SHOWN_PRODUCTS],
        "more_known": len(known[SHOWN_PRODUCTS:]),
        "unknown": unknown[:SHOWN_PRODUCTS],
        "more_unknown": len(unknown[SHOWN_PRODUCTS:]),
        "term": body.get("SearchTerm"),
        "amount": _amount(body.get("Revenue", body.get("TotalAmount"))),
    }


def _amount(number: Decimal | int | str | None) -> str:
    """Return an amount with at least two decimals, and with all that it has."""
    if number is None:
        return ""
    exact = Decimal(number)
    places = max(2, -int(exact.as_tuple().exponent))
    return f"{exact:,.{places}f}"


@pages.get("/trouble")
def failure_switches() -> ResponseReturnValue:
    """Return the failure switches of all instance keys, or of the one in the query."""
    return jsonify(asdict(current().failures.of(_instance_key(request.args))))


@pages.delete("/trouble")
def switch_off() -> ResponseReturnValue:
    """Switch all failures off, or remove the switches of the instance key in the query."""
    current().failures.clear(_instance_key(request.args))
    return "", 204


@pages.post("/trouble/off")
def switch_off_by_form() -> ResponseReturnValue:
    """Do the same from the page."""
    current().failures.clear(_instance_key(request.form))
    return redirect(url_for(".index"), 303)


def _instance_key(given: Mapping[str, str]) -> str:
    """Return the instance key that is named, "" for all. Raises ValidationError."""
    key = given.get("instance_key", "").strip()
    if key and not is_instance_key(key, current().instance_keys):
        raise ValidationError({"instance_key": ["Must be 8 letters and digits, and one that this sandbox accepts."]})
    return key


@pages.errorhandler(ValidationError)
def _invalid(error: ValidationError) -> ResponseReturnValue:
    return jsonify(errors=first_faults(error.messages_dict)), 400


@pages.post("/trouble")
def switch() -> ResponseReturnValue:
    """Apply a complete setting, to all instance keys or to the one named: a switch that is missing is off."""
    is_form = request.mimetype in FORM_TYPES
    try:
        key = _instance_key(request.form if is_form else request.args)
        switches = _settings(is_form=is_form)
    except UnreadableBodyError:
        return jsonify(errors={"body": ["Must be valid JSON in UTF-8."]}), 400
    except ValidationError as error:
        faults = first_faults(error.messages_dict)
        return (_index(faults, request.form) if is_form else jsonify(errors=faults)), 400
    current().failures.set(switches, key)
    return redirect(url_for(".index"), 303) if is_form else jsonify(asdict(switches))


def _settings(*, is_form: bool) -> FailureSettings:
    if is_form:
        return read_switches(numbers_of({name: text for name, text in request.form.items() if name != "instance_key"}))
    if not request.is_json and request.mimetype != "text/json":
        raise UnsupportedMediaType("Send the switches as JSON or as a form.")
    return read_switches(read_body(request.get_data()))
