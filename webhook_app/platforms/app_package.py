"""Packs an app that a merchant installs: a folder of storefront/ with the receiver's address and the shop in it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

STOREFRONT = Path(__file__).parents[2] / "storefront"
MADE_AT = (2026, 1, 1, 0, 0, 0)  # the same files give the same zip
MANIFEST = "manifest.xml"


def packed(folder: str, values: dict[str, str]) -> bytes:
    """Return the zip of a folder below storefront/, whose manifest has `values` in place of their names in braces."""
    source, target = STOREFRONT / folder, io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                text = _filled(content.decode(), values).encode() if path.name == MANIFEST else content
                name = f"{source.name}/{path.relative_to(source).as_posix()}"
                archive.writestr(zipfile.ZipInfo(name, MADE_AT), text, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", escape(value, {'"': "&quot;"}))
    return text
