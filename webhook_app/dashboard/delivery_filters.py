"""The filters of the list of deliveries, as a URL or a form gives them: a wrong one selects nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from webhook_app.dashboard.context import current, scope
from webhook_app.delivery.causes import REASON_PREFIXES, TITLES, Cause
from webhook_app.formatting import timestamp
from webhook_app.inbox import Selection, State
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.platforms import topic_groups
from webhook_app.reasons import titled
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# On the pages, every unsettled delivery is waiting.
STATES = {
    "delivered": (State.DELIVERED.value,),
    "waiting": tuple(state.value for state in UNFINISHED),
    "ignored": (State.IGNORED.value,),
    "dead": (State.DEAD.value,),
}
# Until now, in milliseconds.
PRESETS = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
TITLES_OF_PRESETS = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
FILTERS = ("shop", "platform", "topic", "state", "reason", "issue", "last", "since", "until", "order", "number")
OTHERS = ("below", "live", "csrf", "profile_key", "message")
LABELS = {"since": "From", "until": "To", "last": "Received", "order": "Order id or number", "below": "below"}
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,192}")  # of an order: some have spaces and other letters
WORD = re.compile(r"[\x21-\x7e]{1,192}")
WHOLE = re.compile(r"\d{1,18}")
SIGNATURE = re.compile(r"[0-9a-f]{16}")
EXAMPLE = "expected a time such as 2026-11-27T09:30 (UTC)"
EXPECTED = {
    "since": EXAMPLE,
    "until": EXAMPLE,
    "number": "expected the number of a delivery",
    "below": "expected the number of a delivery",
    "last": f"expected one of {', '.join(PRESETS)}",
    "state": f"expected one of {', '.join(STATES)}",
}


@dataclass(frozen=True, slots=True)
class GivenFilters:
    """Filters by name, as text; `errors` has a sentence for each that is wrong. `profile_key` is none of the URL's."""

    values: Mapping[str, str]
    errors: tuple[str, ...] = ()
    profile_key: str = ""

    def wanted(self) -> DeliveryFilter:
        """Return the deliveries that the filters select, of the shops that the user sees."""
        values, number = self.values, whole(self.values.get("number", ""))
        state, reason, topic = values.get("state", ""), values.get("reason", ""), values.get("topic")
        cause = next((cause for cause in Cause if reason == f"fault:{cause}"), None)
        group = next((name for name in topic_groups.GROUPS if topic == f"set:{name}"), None)
        selection = Selection(
            ids=() if number is None else (number,),
            shop=values.get("shop"),
            topic=None if group else topic,
            states=STATES.get(state, (state,) if state else ()),
            reason=None if cause else reason or None,
            reason_prefixes=REASON_PREFIXES[cause] if cause else (),
            since=self._since(),
            until=milliseconds(values.get("until", "")),
            order=values.get("order"),
        )
        topics, without = _topics(group)
        shops = None if values.get("shop") else scope()
        key = self.profile_key or None
        return DeliveryFilter(selection, values.get("platform"), topics, without, key, shops, values.get("issue"))

    def fixed(self) -> dict[str, str]:
        """Return the filters with the present time in place of a preset, so that they select the same later."""
        since, others = self._since(), {name: value for name, value in self.values.items() if name != "last"}
        return others if since is None else {**others, "since": timestamp(since)}

    def described(self) -> str:
        """Return the filters in words, without the order or the delivery that they name."""
        return ", ".join(self._described()) or "all"

    def _described(self) -> Iterator[str]:
        for name, value in self.fixed().items():
            if name == "reason":
                cause = value.removeprefix("fault:")
                yield f"cause: {TITLES[Cause(cause)]}" if cause != value and cause in list(Cause) else titled(value)
            elif name == "topic":
                yield topic_groups.GROUPS.get(value.removeprefix("set:"), f"topic {value}").lower()
            elif name == "issue":
                yield "with one failure"
            else:
                yield "one order" if name == "order" else f"{LABELS.get(name, name).lower()} {value}"

    def _since(self) -> int | None:
        if preset := PRESETS.get(self.values.get("last", "")):
            return current().inbox.clock() - preset
        return milliseconds(self.values.get("since", ""))


def read(given: Mapping[str, str], profile_key: str = "", others: tuple[str, ...] = ()) -> GivenFilters:
    """Return the filters of a URL or a form; `others` are further fields that it may have."""
    values = {name: value.strip() for name in FILTERS if (value := given.get(name, "")).strip()}
    unknown = [name for name in given if name not in (*FILTERS, *OTHERS, *others)]
    invalid = [name for name, value in values.items() if not _is_valid(name, value)]
    invalid += ["below"] if given.get("below") and whole(given["below"]) is None else []
    errors = [f"There is no filter {name[:40]}." for name in unknown]
    errors += [f"{LABELS.get(name, name.capitalize())}: {EXPECTED.get(name, 'not possible')}." for name in invalid]
    if not errors:
        errors = _contradictions(values)
    return GivenFilters(values, tuple(errors), profile_key)


def _is_valid(name: str, value: str) -> bool:
    tests: dict[str, Callable[[str], object]] = {
        "state": lambda text: text in STATES or text in list(State),
        "number": WHOLE.fullmatch,
        "order": NAME.fullmatch,
        "issue": SIGNATURE.fullmatch,
        "last": PRESETS.get,
        "since": lambda text: milliseconds(text) is not None,
        "until": lambda text: milliseconds(text) is not None,
        "reason": lambda text: not text.startswith("fault:") or text.removeprefix("fault:") in list(Cause),
        "topic": lambda text: not text.startswith("set:") or text.removeprefix("set:") in topic_groups.GROUPS,
    }
    return bool(tests.get(name, WORD.fullmatch)(value)) and (name == "order" or bool(WORD.fullmatch(value)))


def _contradictions(values: Mapping[str, str]) -> list[str]:
    if "last" in values and ("since" in values or "until" in values):
        return ["Received: choose either a period, or From and To."]
    since, until = milliseconds(values.get("since", "")), milliseconds(values.get("until", ""))
    return ["From is later than To."] if since is not None and until is not None and since >= until else []


def _topics(group: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the topics of a group, or those that are not in it."""
    platforms = current().platforms
    if group == topic_groups.OTHERS:
        return (), topic_groups.names(platforms, topic_groups.ORDERS) + topic_groups.names(
            platforms, topic_groups.STOREFRONT
        )
    return (topic_groups.names(platforms, group) if group else ()), ()


def milliseconds(value: str) -> int | None:
    """Return a time from a form in milliseconds, in UTC without an offset; None if it is not a time."""
    try:
        moment = datetime.fromisoformat(value)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def whole(value: str) -> int | None:
    """Return the number that a text is, None if it is none."""
    return int(value) if WHOLE.fullmatch(value) else None
