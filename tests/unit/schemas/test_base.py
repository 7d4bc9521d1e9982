"""PlainSchema loads what marshmallow loads, with the same errors, whatever a class or a call asks for."""

from __future__ import annotations

import copy
import importlib
import pkgutil
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import (
    INCLUDE,
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    pre_load,
    validate,
    validates,
    validates_schema,
)

import schemas
from schemas.base import PlainSchema, PlatformSchema, present
from tests.support.recordings import EVERY
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ODD: tuple[Any, ...] = (None, "", "text", 0, -1, True, [], {}, [None], [[]], [{}], {"id": None})
LIKELY: tuple[Any, ...] = (1, "7", Decimal("9.95"), "2026-11-23T12:00:00Z", "nl-NL", "a" * 200, False, Decimal("NaN"))


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


def outcome(load: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return load(*arguments, **options)
    except ValidationError as error:
        return error.messages, error.valid_data
    except TypeError as error:  # marshmallow's own, where hooks get None in the place of a list
        return str(error)


def by_marshmallow(schema: Schema, payload: Any, **options: Any) -> Any:
    """Load as marshmallow does, nested schemas too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(PlainSchema, "load")
        return outcome(schema.load, payload, **options)


def smallest() -> dict[str, tuple[PlatformSchema, bytes]]:
    """Return every schema of a topic with the smallest payload there is for it."""
    found: dict[str, tuple[PlatformSchema, bytes]] = {}
    for recorded in sorted(EVERY, key=lambda each: len(each.body)):
        named = (recorded.headers[name] for name in recorded.platform.topic_headers if name in recorded.headers)
        topic = recorded.platform.topic(next(named, ""))
        if topic and b"{" in recorded.body:
            found.setdefault(f"{recorded.platform.name} {type(topic.schema).__name__}", (topic.schema, recorded.body))
    return found


def all_schemas(base: type[PlainSchema] = PlainSchema) -> list[type[PlainSchema]]:
    """Return every class that is or makes a schema of the package."""
    for module in pkgutil.iter_modules(schemas.__path__):
        importlib.import_module(f"schemas.{module.name}")
    below = [each for child in base.__subclasses__() for each in (child, *all_schemas(child))]
    return sorted({each for each in below if not each.__module__.startswith("tests")}, key=str)


def payloads(schema: Schema) -> st.SearchStrategy[Any]:
    """Return payloads in the shape of a schema, with likely and odd values in every place."""
    values = {field.data_key or name: values_of(field) for name, field in schema.fields.items()}
    return st.fixed_dictionaries({}, optional={**values, "unknown": st.just(1)}) | st.sampled_from(ODD)


def values_of(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    plain = st.sampled_from((*ODD, *LIKELY))
    match field:
        case fields.Nested():
            return payloads(field.schema) | plain
        case fields.List():
            return st.lists(values_of(field.inner), max_size=3) | plain
    return plain


@pytest.mark.parametrize(("schema", "body"), smallest().values(), ids=smallest().keys())
def test_fixtures_are_loaded_as_marshmallow_does(schema: PlatformSchema, body: bytes) -> None:
    """The same fields, or the same complaints at the same paths."""
    cases = list(mutated(parse_json(body)))
    assert len(cases) > len(ODD)
    for case in cases:
        assert outcome(schema.load, case) == by_marshmallow(schema, case)


@pytest.mark.parametrize("schema", all_schemas(), ids=lambda schema: f"{schema.__module__}.{schema.__name__}")
@settings(max_examples=40)
@given(data=st.data())
def test_every_schema_is_loaded_as_marshmallow_does(schema: type[PlainSchema], data: st.DataObject) -> None:
    """A schema that is added is compared by this law too."""
    instance = schema()
    payload = data.draw(payloads(instance))
    assert repr(outcome(instance.load, payload)) == repr(by_marshmallow(instance, payload))


def test_every_schema_is_loaded_in_the_fast_way() -> None:
    """No schema of a platform uses what marshmallow alone can do."""
    assert len(all_schemas()) > 20
    assert [schema.__name__ for schema in all_schemas() if not schema.is_plain] == []


@pytest.mark.parametrize(("schema", "body"), smallest().values(), ids=smallest().keys())
def test_the_fast_way_is_taken(schema: PlatformSchema, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixture is loaded without marshmallow's own load()."""
    expected = outcome(schema.load, parse_json(body))
    monkeypatch.delattr(Schema, "load")
    assert outcome(schema.load, parse_json(body)) == expected


class Line(PlainSchema):
    number = fields.Integer(required=True)


class Plain(PlainSchema):
    """What the classes below are variants of."""

    text = fields.String(required=True)
    line = fields.Nested(Line)


class BeforeHook(Plain):
    @pre_load
    def replace(self, data: Any, **_options: Any) -> Any:
        return {**data, "text": "before"} if isinstance(data, dict) else data


class AfterHook(Plain):
    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> tuple[Any, ...]:
        return tuple(sorted(data))


class FieldRule(Plain):
    @validates("text")
    def refuse(self, _value: str, **_options: Any) -> None:
        raise ValidationError("refused by its rule")


class WholeRule(Plain):
    @validates_schema
    def refuse(self, _data: dict[str, Any], **_options: Any) -> None:
        raise ValidationError("refused as a whole")


class InheritedHook(BeforeHook):
    more = fields.String()


class MixedIn:
    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> list[str]:
        return list(data)


class WithMixin(MixedIn, Plain):
    pass


class OwnErrors(Plain):
    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **options: Any) -> None:
        error.messages = {"own": [f"{type(data).__name__} {many} {sorted(options)}"]}


class Strict(Plain):
    class Meta:
        """Unknown fields are errors."""

        unknown = RAISE


class Several(Plain):
    class Meta(Plain.Meta):
        """Lists are loaded."""

        many = True


class Renamed(Plain):
    text = fields.String(attribute="other.name", required=True)


class FieldHooks(Plain):
    text = fields.String(pre_load=lambda text: text or "none", post_load=str.upper, allow_none=True)


class Shouting(fields.String):
    def deserialize(self, *arguments: Any, **options: Any) -> Any:
        return str(super().deserialize(*arguments, **options)) + "!"


class Checking(fields.String):
    def _validate(self, value: Any) -> None:
        super()._validate(value)
        raise ValidationError("never right")


class OwnFields(Plain):
    text = Shouting(allow_none=True)
    more = Checking()


WITH_HOOKS = (BeforeHook, AfterHook, FieldRule, WholeRule, InheritedHook, WithMixin, OwnErrors)


class NestedHook(PlainSchema):
    inner = fields.Nested(AfterHook, required=True)
    several = fields.List(fields.Nested(WholeRule))
    many = fields.Nested(Plain, many=True)
    narrowed = fields.Nested(Plain, only=("line.number",))
    strict = fields.Nested(Plain, unknown=RAISE)
    instance = fields.Nested(Plain(many=True))


VARIANTS: list[type[PlainSchema]] = [*WITH_HOOKS, Strict, Several, Renamed, FieldHooks, OwnFields, NestedHook, Plain]
ONE: dict[str, Any] = {"text": " text ", "line": {"number": "1"}, "more": "x", "unknown": 1}
LISTS = ("several", "many", "instance")
WHOLE: dict[str, Any] = {name: [ONE] if name in LISTS else ONE for name in NestedHook().fields}
ODD_ONES: list[Any] = [{}, {**ONE, "text": None}, {**ONE, "line": {"number": "x"}}, [ONE, ONE], [{}], None, "x"]
CASES: list[Any] = [ONE, WHOLE, *ODD_ONES]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"many": True},
    {"many": False},
    {"partial": True},
    {"partial": ("text", "line.number")},
    {"partial": ()},
    {"unknown": RAISE},
    {"unknown": INCLUDE},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_hooks_and_options_work_as_in_marshmallow(variant: type[PlainSchema], options: dict[str, Any]) -> None:
    """Whatever a schema or a call asks for is done, in nested schemas too."""
    for case in CASES:
        assert outcome(variant().load, case, **options) == by_marshmallow(variant(), case, **options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_of_an_instance_work_as_in_marshmallow(options: dict[str, Any]) -> None:
    """`many`, `partial` and `unknown` may also be given when a schema is made."""
    for case in CASES:
        assert outcome(Plain(**options).load, case) == by_marshmallow(Plain(**options), case)


def test_hooks_have_their_effect() -> None:
    """The comparison above compares hooks that were called."""
    assert BeforeHook().load({"text": "x"}) == {"text": "before"}
    assert AfterHook().load({"text": "x"}) == ("text",)
    assert outcome(FieldRule().load, {"text": "x"})[0] == {"text": ["refused by its rule"]}
    assert outcome(WholeRule().load, {"text": "x"})[0] == {"_schema": ["refused as a whole"]}
    assert Plain(many=True).load([{"text": "x"}]) == [{"text": "x"}]
    assert Plain(partial=True).load({}) == {}
    assert Renamed().load({"text": "x"}) == {"other": {"name": "x"}}


@pytest.mark.parametrize(
    ("variant", "is_plain"),
    [*((each, True) for each in (Plain, Strict, FieldHooks, NestedHook)), *((each, False) for each in WITH_HOOKS)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_class_with_hooks_is_left_to_marshmallow(variant: type[PlainSchema], is_plain: bool) -> None:
    """It is decided when the class is made."""
    assert variant.is_plain is is_plain


def test_an_unknown_option_is_refused() -> None:
    """An argument that marshmallow does not know is an error, not ignored."""
    with pytest.raises(TypeError):
        Plain().load({"text": "x"}, strict=True)


def test_fields_may_be_set_anew() -> None:
    """A schema whose fields are narrowed after it loaded something loads the narrowed ones."""
    parent = PlainSchema.from_dict({"line": fields.Nested(Plain(only=("text",)))})()
    assert Plain().load(ONE) == {"text": " text ", "line": {"number": 1}}
    assert parent.load({"line": ONE}) == {"line": {"text": " text "}}


@pytest.mark.parametrize("payload", [None, [], "code", ["code"], 1, Decimal("1.5"), True, [{}]])
@pytest.mark.parametrize(("platform", "topic"), [("shopify", "orders/create"), ("woocommerce", "order.created")])
def test_a_payload_must_be_an_object(platform: str, topic: str, payload: Any) -> None:
    """Anything but a JSON object is refused in one sentence."""
    with pytest.raises(ValidationError, match="not a JSON object") as refused:
        all_platforms()[platform].translate(topic, payload)
    assert refused.value.messages == ["the payload is not a JSON object"]


def test_a_platform_has_to_make_an_event() -> None:
    """A schema without to_event() cannot translate."""
    with pytest.raises(NotImplementedError):
        PlatformSchema().translate({})


def test_present_leaves_out_what_is_empty() -> None:
    """Neither None nor an empty text fills a template."""
    assert present(a="x", b="", c=None, d="0") == {"a": "x", "d": "0"}


def test_validators_run() -> None:
    """A field with a validator is not loaded in the shorter way."""
    schema = PlainSchema.from_dict({"text": fields.String(validate=validate.Length(max=1))})()
    assert outcome(schema.load, {"text": "xy"})[0] == {"text": ["Longer than maximum length 1."]}
