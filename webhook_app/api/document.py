"""The read API in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from webhook_app.api import queries

if TYPE_CHECKING:
    from apispec import APISpec

SECURITY = "ReadToken"
ANSWERS = {
    400: "A value of the query cannot be used, or a name of it is unknown.",
    401: "The token is missing or wrong.",
    429: "The token is wrong, and too many wrong ones came from this address.",
    503: "The database does not answer, or all connections to it are in use.",
}
PATHS = {
    "deliveries": ("List deliveries, the newest first", queries.DELIVERIES, "DeliveryPage"),
    "shops": ("List the shops with their figures", None, "ShopList"),
    "health": ("List what needs attention", None, "HealthState"),
    "accounting": ("The outcomes of what was received on a day", queries.ACCOUNTING, "Accounts"),
}


class _Described(Schema):
    """Part of an answer; more fields may be added."""


class DeliveryPageSchema(_Described):
    """A page of deliveries."""

    deliveries = fields.List(fields.Dict(), required=True, metadata={"description": "As `list --json` writes them."})
    next = fields.Integer(
        required=True, allow_none=True, metadata={"description": "`below` of the next page; null on the last one."}
    )


class ShopListSchema(_Described):
    """The configured shops."""

    at = fields.String(required=True, metadata={"description": "When it was read (UTC)."})
    shops = fields.List(fields.Dict(), required=True, metadata={"description": "Configuration and figures of each."})


class HealthStateSchema(_Described):
    """What needs attention."""

    ready = fields.String(required=True, metadata={"description": "As /readyz answers it."})
    findings = fields.List(fields.Dict(), required=True, metadata={"description": "As /healthz?full lists them."})


class AccountsSchema(_Described):
    """The accounts of a day."""

    day = fields.String(required=True, metadata={"description": "The day."})
    timezone = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The time zone of the day; null where the shops have several: then of each."},
    )
    adds_up = fields.Boolean(required=True, metadata={"description": "Whether the counts equal the deliveries."})
    total = fields.Dict(required=True, metadata={"description": "The sums of the entries."})
    entries = fields.List(fields.Dict(), required=True, metadata={"description": "By shop, topic, state and reason."})
    platform_total = fields.Dict(required=True, metadata={"description": "The sums of the platforms' entries."})
    platform_entries = fields.List(
        fields.Dict(), required=True, metadata={"description": "Orders that platforms list, by outcome."}
    )


class RefusedReadSchema(_Described):
    """Every other answer."""

    error = fields.String(required=True, metadata={"description": "A name that does not change."})
    hint = fields.String(metadata={"description": "What is wrong with the request."})
    errors = fields.Dict(metadata={"description": "Of a query: messages by name."})


SCHEMAS = (DeliveryPageSchema, ShopListSchema, HealthStateSchema, AccountsSchema, RefusedReadSchema)


def add_to(spec: APISpec) -> None:
    """Add the paths and what they need."""
    spec.components.security_scheme(SECURITY, {"type": "http", "scheme": "bearer", "description": "API_TOKEN"})
    for schema in SCHEMAS:
        spec.components.schema(schema.__name__.removesuffix("Schema"), schema=schema())
    for name, (summary, query, answer) in PATHS.items():
        spec.path(f"/api/{name}", operations={"get": _operation(name, summary, query, answer)})
    number = {"name": "number", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
    one = {**_operation("delivery", "Read one delivery", None, None)}
    one["responses"]["404"] = {"description": "There is no delivery with this number.", **_content("RefusedRead")}
    spec.path("/api/deliveries/{number}", parameters=[number], operations={"get": one})


def _operation(name: str, summary: str, query: Schema | None, answer: str | None) -> dict[str, Any]:
    found = _content(answer) if answer else {"content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "operationId": f"read_{name}",
        "summary": summary,
        "description": "Exists where API_TOKEN is set. Personal data is masked as on the pages.",
        "security": [{SECURITY: []}],
        "parameters": [{"in": "query", "schema": query}] if query else [],
        "responses": {
            "200": {"description": "What was read.", **found},
            **{str(code): {"description": text, **_content("RefusedRead")} for code, text in ANSWERS.items()},
        },
    }


def _content(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}
