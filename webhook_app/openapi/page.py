"""The OpenAPI document as a page that a developer reads from top to bottom."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import render_template
from markupsafe import Markup

from schemas.storefront import StorefrontSchema
from webhook_app.openapi import texts
from webhook_app.openapi.document import PATH, document

if TYPE_CHECKING:
    from collections.abc import Iterator


COMMON = StorefrontSchema().fields  # fields of every message are listed last


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: where it is (`data.lines[].sku`), its type, and its description."""

    path: str
    kind: str
    required: bool
    about: str


def page() -> str:
    """Render the page; needs the context of an app."""
    written = document()
    post = written["paths"][PATH]["post"]
    content = post["requestBody"]["content"]["application/json"]
    places = content["schema"]["discriminator"]["mapping"]
    examples = {name: json.dumps(example["value"], indent=2) for name, example in content["examples"].items()}
    messages = {name: (examples[name], list(_fields(written, place))) for name, place in places.items()}
    shown = {
        "info": written["info"],
        "path": PATH,
        "post": post,
        "messages": messages,
        "about": content["examples"],
        "reasons": texts.REASONS,
    }
    return render_template("openapi.html", marked=marked, **shown)


def marked(text: str) -> Markup:
    """Escape a sentence, and mark text between backticks as code."""
    parts = re.split("`([^`]*)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts)
    )


def _fields(written: dict[str, Any], place: str, path: str = "") -> Iterator[Field]:
    """Yield every field below a schema, those of a list's items after the list."""
    schema = written["components"]["schemas"][place.rpartition("/")[2]]
    for name in sorted(schema["properties"], key=lambda name: (name not in schema["required"], name in COMMON)):
        described = schema["properties"][name]
        if "$ref" in described:
            yield from _fields(written, described["$ref"], f"{path}{name}.")
            continue
        yield Field(f"{path}{name}", _kind(described), name in schema["required"], described["description"])
        if items := described.get("items"):
            yield from _fields(written, items["$ref"], f"{path}{name}[].")


def _kind(described: dict[str, Any]) -> str:
    if "enum" in described:
        return " or ".join(f'"{value}"' for value in described["enum"])
    if described.get("format") == "date-time":
        return "time"
    kinds = described["type"] if isinstance(described["type"], list) else [described["type"]]
    return " or ".join("list" if kind == "array" else kind for kind in kinds if kind != "null")
