"""Which order a payload is about, whatever becomes of it: refunds, deletions and unreadable orders have one too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from marshmallow import ValidationError

from schemas.fields import LARGEST_ID, LONGEST_ID, Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

LONGEST_NAME = 64
GLOBAL_ID = re.compile(r"gid://[a-z]+/Order/([0-9]+)")
_MOMENT = Moment(strict=True)


class WrittenRows(NamedTuple):
    """A list of rows that were written: of those whose `kind` is `order`, `id` has an order's id."""

    path: str
    kind: str
    order: str
    id: str


class OrderReference(NamedTuple):
    """An order's id, and the number or name that people know it by (`#1234`), "" if it is not given."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class OrderFields:
    """Where the payloads of a platform name their order.

    A payload is an order if it has one of `marks` and none of `foreign`, or if its topic begins with `topics`, since a
    deleted order is reported with its id alone. Any other one may be about an order, whose id is then in one of
    `about`, or in the first of the rows that `written` describes. `names` are the fields with the number or name, of
    which the first that is filled counts; `changed` has the time of the order's last change; where `parts` are lists of
    an order that change by themselves, the latest of all. All are fields of the payload, or of its object `inside` (a
    path with dots) where it has that.
    """

    marks: frozenset[str]
    foreign: frozenset[str] = frozenset()
    topics: str = "\0"
    id: str = "id"
    names: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    written: WrittenRows | None = None
    changed: str = ""
    parts: tuple[str, ...] = ()
    inside: str = ""

    def reference(self, topic: str, payload: Any) -> OrderReference | None:
        """Return the order of a payload (parsed JSON, of any shape); None where it names none."""
        fields = self._fields(payload)
        if not self._is_order(topic, fields):
            found = _first(fields, self.about, _id) or self._written(payload)
            return OrderReference(found) if found else None
        found = _id(fields.get(self.id))
        return OrderReference(found, _first(fields, self.names, _name)) if found else None

    def changed_at(self, payload: Any) -> datetime | None:
        """Return when the order changed last, None if it is not given."""
        fields = self._fields(payload)
        lists = (fields.get(part) for part in self.parts)
        entries = (entry for rows in lists if isinstance(rows, list) for entry in rows if isinstance(entry, dict))
        times = [_moment(each.get(self.changed)) for each in (fields, *entries)]
        return max(filter(None, times), default=None)

    def _fields(self, payload: Any) -> Mapping[str, Any]:
        if not isinstance(payload, dict):
            return {}
        inside = _at(payload, self.inside)
        return inside if isinstance(inside, dict) else payload

    def _written(self, payload: Any) -> str:
        """Return the id of the first order among the rows that were written, "" without any."""
        if self.written is None:
            return ""
        _, kind, order, key = self.written
        rows = _at(payload, self.written.path)
        listed = rows if isinstance(rows, list) else []
        found = (one for one in listed if isinstance(one, dict) and one.get(kind) == order)
        return _first(next(found, {}), (key,), _id)

    def _is_order(self, topic: str, fields: Mapping[str, Any]) -> bool:
        if not fields.keys().isdisjoint(self.foreign):
            return False
        return not fields.keys().isdisjoint(self.marks) or topic.startswith(self.topics)


def _at(payload: Any, path: str) -> Any:
    """Return what a path with dots leads to, None where it does not lead anywhere."""
    for name in path.split("."):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload


def _first(fields: Mapping[str, Any], names: Iterable[str], read: Callable[[Any], str]) -> str:
    for name in names:
        if found := read(fields.get(name)):
            return found
    return ""


def _moment(value: Any) -> datetime | None:
    try:
        moment: datetime = _MOMENT.deserialize(value)
    except ValidationError:
        return None
    return moment


def _id(value: Any) -> str:
    if type(value) is int and 0 < value < LARGEST_ID:
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value).strip()
    if matched := GLOBAL_ID.match(text):
        text = matched[1]
    return text if text != "0" and len(text) <= LONGEST_ID and text.isprintable() else ""


def _name(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value).strip()
    return text if len(text) <= LONGEST_NAME and text.isprintable() else ""
