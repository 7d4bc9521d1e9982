"""Masks personal data: of a JSON value only what is listed for its topic is shown, by path and by form. Pure.

The name of a field says little about what a sender puts into it. So a value is shown where its path is listed and it
has the form that is expected there, and the name of a field where that is one of the platform's own words.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from enum import IntEnum
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MASK = "••••••"
LARGEST = 256 * 1024  # bytes of a body that is shown
# The forms of values; none has room for an address, and only an id for a telephone number.
FORMS = {
    "id": re.compile(r"\d{1,20}|gid://[a-z]+/[A-Za-z]+/\d{1,20}"),
    "ref": re.compile(r"#?[A-Za-z0-9][A-Za-z0-9._:/#=-]{0,63}"),  # a SKU, or an id that is chosen by the sender
    "money": re.compile(r"-?\d{1,8}(\.\d{1,6})?"),
    "count": re.compile(r"\d{1,6}(\.\d{1,3})?"),
    "word": re.compile(r"[a-z][a-z0-9_-]{0,39}"),
    "date": re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( ?(Z|[+-]\d\d:?\d\d))?)?"),
    "code": re.compile(r"[A-Z]{3}|[a-z]{2,3}([_-][A-Za-z]{2,4}){0,2}"),  # a currency or a locale
    "sentence": re.compile(r"(?s).*"),  # written by the receiver, from fixed texts
}
FLAG, NAME = "flag", "name"  # true and false; a name of the sender's field, which is shown where it is known
INDEX = re.compile(r"\d{1,4}")  # the key of an item where PHP wrote a list as an object
LEAST_ECHO = 4  # characters of a word, or of what is left of a value at the end of an answer that was cut off
ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a payload: `forms` by path (`line_items[].sku`), and the `names` of fields."""

    forms: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def __or__(self, other: Shown) -> Shown:
        """Return what either shows."""
        return Shown({**self.forms, **other.forms}, self.names | other.names)

    def below(self, *paths: str) -> Shown:
        """Return the same for a part of a payload, at each of `paths`."""
        forms = {f"{path}.{inner}": form for path in paths for inner, form in self.forms.items()}
        return Shown(forms, self.names.union(*map(_words, paths)))


def shown(names: str = "", **paths: str) -> Shown:
    """Return what is shown: under each form the paths of the values that may have it, and further names of fields."""
    forms = {path: form for form, texts in paths.items() for path in texts.split()}
    return Shown(forms, frozenset(names.split()).union(*map(_words, forms)))


def _words(path: str) -> set[str]:
    return set(path.replace("[]", "").split("."))


NOTHING = Shown()
_LINE = shown(ref="fields.product_id fields.variant_id fields.sku")
_EVENT = shown(
    "search_term",
    ref="order_id domain subject.domain values.request_id values.item_id",
    date="created_at paid_at",
    word="payment status channel reason type values.source",
    money="revenue values.total_amount",
    count="values.quantity",
    flag="just_paid is_renewal is_test visitor.is_internal",
    code="fields.locale fields.currency",
    sentence="detail remark",
) | _LINE.below("line", "line.container", "lines[]", "lines[].container")
_CALL = shown(
    ref="ProductKeys[] ProductKey RequestId ItemId", money="Revenue TotalAmount", count="Quantity", word="Source"
)
_CALL_NAME = re.compile(r"[A-Z][A-Za-z]{1,40}")
_HEADER = re.compile(r"[A-Za-z0-9._:/=+-]{1,255}")


def masked(value: Any, what: Shown, own_names: frozenset[str] = frozenset()) -> Any:
    """Return a JSON value with everything masked that `what` does not list; `own_names` are further known names."""
    return _masked(value, "", what, what.names | own_names)


def _masked(value: Any, path: str, what: Shown, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return dict(_members(value, path, what, names))
    if isinstance(value, list):
        return [_masked(item, f"{path}[]", what, names) for item in value]
    if value is None or value == "" or _has_form(value, what.forms.get(path), names):
        return value
    return MASK


def _members(value: dict[str, Any], path: str, what: Shown, names: frozenset[str]) -> Iterator[tuple[str, Any]]:
    unknown = 0
    for name, item in value.items():
        if name in names:
            yield name, _masked(item, f"{path}.{name}".lstrip("."), what, names)
        elif INDEX.fullmatch(name):
            yield name, _masked(item, f"{path}[]", what, names)
        else:
            unknown += 1
            yield (MASK if unknown == 1 else f"{MASK} {unknown}"), None if item is None else MASK


def _has_form(value: Any, form: str | None, names: frozenset[str]) -> bool:
    if form in (None, FLAG) or isinstance(value, bool):
        return form == FLAG and isinstance(value, bool)
    if form == NAME:
        return isinstance(value, str) and value in names
    return bool(FORMS[str(form)].fullmatch(str(value)))


def too_large(raw: bytes) -> str:
    """Return what is shown in place of a body beyond LARGEST, and of what it was translated to."""
    return f"{len(raw)} bytes: too large for this page. The command `show --body` prints it."


def body(raw: bytes, what: Shown, own_names: frozenset[str] = frozenset(), *, revealed: bool) -> str:
    """Return a body as text: unchanged if revealed, otherwise formatted again and masked."""
    if len(raw) > LARGEST:
        return too_large(raw)
    if revealed:
        return raw.decode("utf-8", "replace")
    try:
        return _text(masked(json.loads(raw), what, own_names))
    except (ValueError, RecursionError):
        return f"{len(raw)} bytes that are not JSON. Reveal personal fields to see them."


def headers(given: Mapping[str, str], *, revealed: bool) -> dict[str, str]:
    """Return stored headers; a value with room for a name or an address is masked."""
    return {name: value if revealed or _HEADER.fullmatch(value) else MASK for name, value in given.items()}


def reference(text: str | None) -> str:
    """Return an order's id, or a text that contains one, where it has the form of an id."""
    return (text or "") if FORMS["ref"].fullmatch(text or "") else MASK * bool(text)


def event(event: Any, own_names: frozenset[str] = frozenset(), *, revealed: bool) -> str:
    """Return an event (a dataclass of schemas.events) as JSON."""
    if not is_dataclass(event) or isinstance(event, type):
        return _text(event)
    plain = json.loads(json.dumps(asdict(event, dict_factory=_named), default=_plain))
    return _text(plain if revealed else masked(plain, _EVENT, own_names.union(_field_names(event))))


def faults(messages: Any, names: frozenset[str]) -> str:
    """Return why a payload cannot be read: sentences of the receiver, by names of fields that may be the sender's."""
    return _text(_named_faults(messages, names))


def _named_faults(messages: Any, names: frozenset[str]) -> Any:
    if not isinstance(messages, dict):
        return messages
    known = (str(name) in names or INDEX.fullmatch(str(name)) for name in messages)
    return {
        (name if shows else MASK): _named_faults(item, names)
        for (name, item), shows in zip(messages.items(), known, strict=True)
    }


def call(text: str, *, revealed: bool) -> str:
    """Return the JSON of a call with indents; what identifies a visitor, or was typed by one, is masked."""
    return _text(json.loads(text) if revealed else masked_call(text))


def masked_call(text: str) -> dict[str, Any]:
    """Return a call without what identifies a visitor (keys of profiles and sessions) or was typed by one."""
    sent = json.loads(text)
    masked_one: dict[str, Any] = masked(sent, _CALL, frozenset(filter(_CALL_NAME.fullmatch, sent)))
    return masked_one


def answer(text: str | None, sent: str | None, *, revealed: bool) -> str:
    """Return the response to a call; masked where it repeats what is masked of the call."""
    if not text or revealed or not sent:
        return text or ""
    whole, visible = json.loads(sent), masked_call(sent)
    hidden = [str(whole[name]).casefold() for name in whole if visible.get(name) == MASK]
    forms = [text, unescape(text), unquote_plus(text), ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)]
    return MASK if any(_repeats(form.casefold(), value) for form in forms for value in hidden) else text


def _repeats(text: str, value: str) -> bool:
    """Return whether a text contains a value or a word of it, or ends with the beginning of it."""
    words = [value, *(word for word in value.split() if len(word) >= LEAST_ECHO)]
    cut_off = (text.endswith(value[:length]) for length in range(LEAST_ECHO, len(value)))
    return any(word in text for word in words) or any(cut_off)


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _field_names(value: Any) -> Iterator[str]:
    """Yield the names of the fields of a dataclass and of those in it."""
    if is_dataclass(value):
        for one in fields(value):
            yield one.name
            yield from _field_names(getattr(value, one.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _field_names(item)


def _named(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict with the names of IntEnum members, which JSON would write as numbers."""
    return {name: value.name.lower() if isinstance(value, IntEnum) else value for name, value in members}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)
