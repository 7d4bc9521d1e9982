"""Loading in one plain pass gives what marshmallow gives, whatever is wrong with the payload."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import ValidationError

from schemas.base import PlainSchema, PlatformSchema
from tests.support.recordings import EVERY
from webhook_app.translation.translate import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ODD: tuple[Any, ...] = (None, "", "text", 0, -1, True, [], {}, [None], [[]], [{}], {"id": None})


def nodes(node: Any) -> Iterator[tuple[Any, Any]]:
    """Go through every place of a payload, as its holder and the key in it."""
    for key in range(len(node)) if isinstance(node, list) else list(node) if isinstance(node, dict) else ():
        yield node, key
        yield from nodes(node[key])


def mutated(payload: Any) -> Iterator[Any]:
    """Yield the payload, and with each place in turn odd or missing."""
    yield payload
    for number in range(sum(1 for _ in nodes(payload))):
        for odd in ODD:
            other = copy.deepcopy(payload)
            holder, key = next(place for each, place in enumerate(nodes(other)) if each == number)
            holder[key] = odd
            yield other
        del holder[key]
        yield other


def outcome(load: Callable[[Any], Any], payload: Any) -> Any:
    try:
        return load(payload)
    except ValidationError as error:
        return error.messages


def smallest() -> dict[str, tuple[PlatformSchema, bytes]]:
    """Return every schema with the smallest payload there is for it."""
    found: dict[str, tuple[PlatformSchema, bytes]] = {}
    for recorded in sorted(EVERY, key=lambda each: len(each.body)):
        said = next(
            (recorded.headers[name] for name in recorded.platform.topic_headers if name in recorded.headers), ""
        )
        topic = recorded.platform.topic(said)
        if topic and b"{" in recorded.body:
            found.setdefault(f"{recorded.platform.name} {type(topic.schema).__name__}", (topic.schema, recorded.body))
    return found


@pytest.mark.parametrize(("schema", "body"), smallest().values(), ids=smallest().keys())
def test_plain_is_what_marshmallow_loads(schema: PlatformSchema, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same fields, or the same complaints at the same paths."""
    cases = list(mutated(parse_json(body)))
    plain = [outcome(schema.load, case) for case in cases]
    monkeypatch.delattr(PlainSchema, "load")
    assert len(cases) > len(ODD)
    assert plain == [outcome(schema.load, case) for case in cases]
