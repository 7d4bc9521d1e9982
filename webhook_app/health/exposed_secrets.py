"""Finds a file of shops whose secrets other users of the machine can read."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from webhook_app.config import shop_documents
from webhook_app.errors import ConfigurationError

OTHERS = 0o044  # permissions of all but the owner
# A secret that is written out, in a list or by itself.
SECRET_WRITTEN = re.compile(r"""^[ \t]*(?:secrets|profile_salt)[ \t]*=[ \t\[\n]*["'](?!\$\{)""", re.MULTILINE)


def exposed_file() -> str:
    """Return the path of such a file, "" if there is none."""
    with suppress(ConfigurationError, OSError):
        for document in shop_documents.read():
            path = Path(document.source)
            if path.name == shop_documents.DEMO_FILE or not SECRET_WRITTEN.search(document.text):
                continue
            if path.is_file() and path.stat().st_mode & OTHERS:
                return document.source
    return ""
