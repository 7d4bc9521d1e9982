"""The base classes of schemas: loading in a fast way, and reading a platform's payload into an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing
from marshmallow.validate import And

from schemas.events import Ignored, Reason
from schemas.tolerant import Tolerant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.events import Translation

    FieldOf = fields.Field[Any]

# What Field.deserialize() does besides _deserialize(), where a field class has not changed it.
STEPS = ("deserialize", "_validate_missing", "_validate", "_validate_all")
NOT_KNOWN = object()


# Limits of a payload, so that no order takes much longer than 0.1 seconds of processor time: other shops' orders wait.
MOST_VALUES = 100_000  # an order of 500 lines has about 35,000
MOST_LINES = 2000


def check_size(body: bytes) -> None:
    """Refuse JSON with too many values, before it is parsed; raises marshmallow's ValidationError."""
    if len(body) > MOST_VALUES and body.count(b",") + body.count(b"[") + body.count(b"{") > MOST_VALUES:
        raise ValidationError(f"the body has more than {MOST_VALUES} values")


class _Entry(NamedTuple):
    """How one field is loaded: `read` is its `deserialize`, or only the steps of it that do something.

    `absent` and `null` are what an absent one and null are loaded as, NOT_KNOWN where the field itself has to be asked.
    """

    key: str
    name: str
    field: FieldOf
    read: Callable[[Any, str, Any], Any]
    absent: Any
    null: Any


class PlainSchema(Schema):
    """A schema that ignores unknown fields and loads one object in half of the time that marshmallow takes.

    The fast way is taken only where its result is the same: by classes without hooks (`@pre_load`, `@post_load`,
    `@validates`, `@validates_schema`) and without overridden methods of Schema; without `many`, `partial` or another
    `unknown`; without fields that have an `attribute`. Everything else goes to marshmallow, nested schemas alike; a
    test compares both over every schema. It is worth it: one worker delivers 27 % more (4,170 events a second against
    3,270; `delivering` of bench, Shopify orders of two lines, two cores, median of three runs each).
    Hold an instance: building a schema costs more than using it.
    """

    is_plain: ClassVar[bool] = True
    _compiled: tuple[dict[str, FieldOf], list[_Entry] | None] | None = None

    class Meta:
        """Platforms add fields without notice."""

        unknown = EXCLUDE

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Decide whether objects of this class may be loaded in the fast way."""
        super().__init_subclass__(**kwargs)
        cls.is_plain = not any(cls.resolve_hooks().values()) and not any(_overridden(cls))

    def load(self, data: Any, *, many: Any = None, partial: Any = None, unknown: Any = None, **rest: Any) -> Any:
        """Return the validated fields of `data`; raises marshmallow's ValidationError with what is wrong by field."""
        if many is not None or partial is not None or unknown is not None or rest:
            return super().load(data, many=many, partial=partial, unknown=unknown, **rest)
        return self.read_nested(data)

    def read_nested(self, data: Any, *_: Any) -> Any:
        """Return the validated fields of an object in another; raises marshmallow's ValidationError."""
        entries = self._entries() if isinstance(data, dict) else None
        return super().load(data) if entries is None else _loaded(entries, data)

    def _entries(self) -> list[_Entry] | None:
        """Return how each field is loaded, None where marshmallow has to; anew when the fields were set anew."""
        if self._compiled is None or self._compiled[0] is not self.load_fields:
            options = self.many or self.partial is not None or self.unknown != EXCLUDE
            renamed = any(field.attribute for field in self.load_fields.values())
            plain = self.is_plain and not options and not renamed
            entries = [_entry(name, field) for name, field in self.load_fields.items()]
            self._compiled = self.load_fields, entries if plain else None
        return self._compiled[1]


def _overridden(schema: type[Schema]) -> list[str]:
    """Return the methods of Schema that a class or its bases define anew."""
    bases = [base for base in schema.__mro__ if base is not PlainSchema and not issubclass(Schema, base)]
    callables = {name for base in bases for name, value in vars(base).items() if callable(value)}
    return [name for name in callables - {"Meta"} if hasattr(Schema, name) and not name.startswith("__")]


def _entry(name: str, field: FieldOf) -> _Entry:
    is_bare, read = how_to_read(field)
    key, default = name if field.data_key is None else field.data_key, field.load_default
    absent = NOT_KNOWN if field.required or not is_bare or callable(default) else default
    return _Entry(key, name, field, read, absent, None if is_bare and field.allow_none else NOT_KNOWN)


def how_to_read(field: FieldOf) -> tuple[bool, Callable[[Any, str, Any], Any]]:
    """Return whether a field's `deserialize` only converts and validates a value that is not null, and what does so."""
    plain = (fields.Field, Tolerant)
    inherits = all(getattr(type(field), step) in [getattr(each, step) for each in plain] for step in STEPS)
    if not inherits or field.pre_load or field.post_load:
        return False, field.deserialize
    schema = _object_schema(field)
    convert = schema.read_nested if schema else field._deserialize  # noqa: SLF001 - what field classes define
    return True, _validating(convert, And(*field.validators)) if field.validators else convert


def _validating(convert: Callable[[Any, str, Any], Any], validate: And) -> Callable[[Any, str, Any], Any]:
    def read(value: Any, key: str, data: Any) -> Any:
        result = convert(value, key, data)
        validate(result)
        return result

    return read


def _object_schema(field: FieldOf) -> PlainSchema | None:
    """Return the schema of a field that is one object and is read by its schema alone."""
    if not isinstance(field, fields.Nested) or field.many or field.unknown is not None:
        return None
    inherits = type(field)._deserialize is fields.Nested._deserialize  # noqa: SLF001 - what field classes define
    return field.schema if inherits and isinstance(field.schema, PlainSchema) else None


def _loaded(entries: list[_Entry], data: dict[str, Any]) -> dict[str, Any]:
    loaded: dict[str, Any] = {}
    faults: dict[str, Any] = {}
    for key, name, field, read, absent, null in entries:
        value = data.get(key, missing)
        try:
            if value is missing or value is None:
                result = absent if value is missing else null
                if result is NOT_KNOWN:
                    result = field.deserialize(value, key, data)
            else:
                result = read(value, key, data)
        except ValidationError as error:
            if isinstance(field, Tolerant) and field.tolerates:
                result = field.in_place_of_odd()
            else:
                faults[key], result = error.messages, error.valid_data or missing
        if result is not missing:
            loaded[name] = result
    if faults:
        raise ValidationError(faults, data=data, valid_data=loaded)
    return loaded


@dataclass(frozen=True, slots=True)
class Shape:
    """What distinguishes the payloads of one topic from those of a platform's others, as names of their outer fields.

    Platforms name the topic in a header that no signature covers: a signed body may be sent again under another topic.
    `exactly` are all fields, for topics that erase or report data; `any_of` are fields of which a payload has at least
    one, `none_of` fields that only other topics have. Both are few: a platform adds fields without notice, and a
    subscription may leave some out. `event` is what a payload calls itself in its field `event`, if it does; where
    `names_event`, it has to, because another topic has the same fields.
    """

    exactly: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    none_of: frozenset[str] = frozenset()
    event: str = ""
    names_event: bool = False

    def mismatch(self, payload: Mapping[str, Any]) -> str:
        """Return a sentence that says why a payload is that of another topic, "" if it may be this one's."""
        if self.exactly and payload.keys() != self.exactly:
            missing_fields = ", ".join(sorted(self.exactly - payload.keys()))
            return f"It lacks {missing_fields}." if missing_fields else "It has fields that this topic never has."
        if not payload.keys().isdisjoint(self.none_of):
            return f"It has {', '.join(sorted(self.none_of.intersection(payload)))}, which this topic never has."
        if self.any_of and payload and self.any_of.isdisjoint(payload):
            return f"It has none of the fields {', '.join(sorted(self.any_of))}."
        if self.event and payload.get("event", "" if self.names_event else self.event) != self.event:
            return f'It does not have "event": "{self.event}".'
        return ""


class PlatformSchema(PlainSchema):
    """Reads one kind of payload; `shape` is set where the platform names the topic in a header."""

    shape: ClassVar[Shape] = Shape()

    def translate(self, payload: Any) -> Translation:
        """Return the event that `payload` (parsed JSON, numbers as int or Decimal) reports, or why there is none.

        Raises marshmallow's ValidationError, whose messages name the path of a missing or invalid field.
        """
        if not isinstance(payload, dict):
            raise ValidationError("the payload is not a JSON object")
        if mismatch := self.shape.mismatch(payload):
            text = "The payload is not one of this topic, which no signature covers, and nothing was done with it."
            return Ignored(Reason.WRONG_TOPIC, f"{text} {mismatch}")
        return self.to_event(self.load(payload))

    def required_names(self) -> frozenset[str]:
        """Return the outer fields without which there is no event."""
        required = (field.data_key or name for name, field in self.fields.items() if field.required)
        return self.shape.exactly.union(required)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Make an event of the validated fields, or return why there is none; each platform's schema defines it."""
        raise NotImplementedError


def present(**values: str | None) -> dict[str, str]:
    """Return the values that are neither None nor empty, so that no template is filled with nothing."""
    return {name: value for name, value in values.items() if value}
