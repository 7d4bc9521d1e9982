"""The headers of a request by lower-case name, as platforms read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def by_name(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a WSGI environment by lower-case name."""
    return {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
