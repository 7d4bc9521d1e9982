"""The small page that a browser gets where there is none: at the root, at unknown paths, and at webhook URLs.

It is the same whatever shops there are, and repeats nothing of the request. Programs get the answers of responses.py.
"""

from __future__ import annotations

import base64
import hashlib

from flask import Response, current_app, request

STYLE = """
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --text: #151a22; --line: #d5dae1; --link: #3142c4; }
@media (prefers-color-scheme: dark) { :root { --page: #0d1015; --card: #161a21; --text: #e7eaf0; --line: #2a313c; --link: #a9b5ff; } }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 12vh auto; padding: 1.5rem 1.75rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; } a { color: var(--link); } code { overflow-wrap: anywhere; }
@media (max-width: 36rem) { main { margin: 1rem; } }
"""  # noqa: E501 - a line for each rule
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1><p>{text}</p>{link}</main></body>
</html>
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
}
TITLE = "Webhook receiver for Tweakwise"
ROOT = (
    "It receives the webhooks of shops and reports orders, searches and views to Tweakwise. There is nothing to see "
    "at this address."
)
NO_PAGE = "There is no page at this address."


def is_wanted() -> bool:
    """Return whether a browser asks, and not a program: it names HTML among what it accepts."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def not_found() -> Response:
    """Answer the root, or an unknown path."""
    return page(200, TITLE, ROOT) if request.path == "/" else page(404, "Not found", NO_PAGE)


def page(code: int, title: str, text: str) -> Response:
    """Return a page; its texts are constants of the program."""
    address = f"{request.script_root}/dashboard"
    link = f'<p><a href="{address}">Dashboard</a></p>' if "dashboard" in current_app.extensions else ""
    content = PAGE.format(title=title, style=STYLE, text=text, link=link)
    return Response(content, code, mimetype="text/html", headers=HEADERS)
