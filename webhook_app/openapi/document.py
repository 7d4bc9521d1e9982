"""The OpenAPI 3.1 document of the platform `standard`, generated from its marshmallow schemas."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields, validate

from schemas.fields import Id, Label, Moment, Money
from webhook_app.api import document as reads
from webhook_app.openapi import texts
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import SampleValues

PATH = "/webhooks/standard/{shop}"
SAMPLE = SampleValues(20261123120000, "2026-11-23T12:00:00Z", "tweakwise_profile_key", "9f2c4be1a07d4c55")
SMALLEST_NUMBER, LARGEST_NUMBER = 0.001, 10**9  # what the document promises; the receiver accepts more
WAITING = (429, 503)
TEXT_TOO = (400, 431)  # what the web server itself refuses is answered as text


class AcceptedSchema(Schema):
    """The answer to a stored message; while the database is down it has no number yet."""

    status = fields.String(required=True, validate=validate.OneOf(["stored", "duplicate", "spooled"]))
    id = fields.Integer(metadata={"description": "The delivery's number, for `python -m webhook_app show`."})


class RefusedSchema(Schema):
    """Every other answer."""

    error = fields.String(required=True, metadata={"description": "A name that does not change."})
    hint = fields.String(metadata={"description": "What is wrong with the request, and what to do."})


@cache
def document(*, with_reads: bool = False) -> dict[str, Any]:
    """Return the document, ready for JSON; the same object each time. `with_reads`: with the read API."""
    plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: type(schema).__name__.removesuffix("Schema"))
    info = {"description": texts.INTRODUCTION}
    spec = APISpec(texts.TITLE, texts.VERSION, "3.1.0", plugins=[plugin], info=info, servers=[{"url": "/"}])
    _map_fields(plugin)
    for schema in (AcceptedSchema(), RefusedSchema()):
        spec.components.schema(type(schema).__name__.removesuffix("Schema"), schema=schema)
    spec.path(PATH, parameters=[_shop()], operations={"post": _post(spec), "get": _get()})
    if with_reads:
        reads.add_to(spec)
    written: dict[str, Any] = spec.to_dict()
    return written


def _map_fields(plugin: MarshmallowPlugin) -> None:
    converter = plugin.converter
    assert converter is not None  # noqa: S101 - apispec sets it when the document is created
    shapes: Any = {
        Id: (["string", "integer"], None),
        Label: (["string", "integer"], None),
        Money: ("number", None),
        Moment: ("string", "date-time"),
    }
    converter.field_mapping = {**converter.field_mapping, **shapes}
    converter.add_attribute_function(_in_words)  # type: ignore[no-untyped-call]


def _in_words(_converter: Any, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """Describe a field; a default of None is left out."""
    if ret.get("default", ...) is None:
        ret.pop("default")
    if isinstance(ret.get("default"), Decimal):
        ret["default"] = float(ret["default"])
    return {**texts.FIELDS.get(field.name or "", {}), **_limits(field)}


def _limits(field: fields.Field[Any]) -> dict[str, Any]:
    if isinstance(field, Id):
        return {"minimum": 1, "maxLength": 128}
    if isinstance(field, Money):
        something = any(isinstance(rule, validate.Range) and not rule.min_inclusive for rule in field.validators)
        return {"minimum": SMALLEST_NUMBER if something else 0, "maximum": LARGEST_NUMBER}
    return {}


def _shop() -> dict[str, Any]:
    parameter = {"description": "The shop's name in the receiver's configuration.", "schema": {"type": "string"}}
    return {"name": "shop", "in": "path", "required": True, **parameter}


def _post(spec: APISpec) -> dict[str, Any]:
    return {
        "operationId": "send",
        "summary": "Send one message",
        "description": texts.PURPOSE,
        "parameters": [
            {"name": name, "in": "header", "required": True, **header} for name, header in texts.HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": _messages(spec)}},
        "responses": {str(code): _answer(code) for code in texts.ANSWERS},
    }


def _get() -> dict[str, Any]:
    allow = {"description": "The method to use.", "schema": {"type": "string"}}
    refused = {
        **_content("Refused"),
        "description": "This URL accepts messages with POST.",
        "headers": {"Allow": allow},
    }
    return {"operationId": "explain", "summary": "Explain this URL", "responses": {"405": refused}}


def _messages(spec: APISpec) -> dict[str, Any]:
    topics = all_platforms()["standard"].topics
    names = {topic.name: type(topic.schema).__name__ for topic in topics}
    for topic in topics:
        spec.components.schema(names[topic.name], component={"description": topic.summary}, schema=topic.schema)
    places = {topic: f"#/components/schemas/{name}" for topic, name in names.items()}
    return {
        "schema": {
            "oneOf": [{"$ref": place} for place in places.values()],
            "discriminator": {"propertyName": "type", "mapping": places},
        },
        "examples": {topic.name: {"summary": topic.summary, "value": topic.sample(SAMPLE)} for topic in topics},
    }


def _answer(code: int) -> dict[str, Any]:
    answer = {"description": texts.ANSWERS[code], **_content("Accepted" if code == 200 else "Refused")}  # noqa: PLR2004
    if code in TEXT_TOO:
        answer["content"]["text/html"] = {"schema": {"type": "string"}}
    return {**answer, "headers": {"Retry-After": texts.RETRY_AFTER}} if code in WAITING else answer


def _content(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}
