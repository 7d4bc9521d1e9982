"""Which code this process runs: the version, and a digest of the program's files as they were when it started."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import webhook_app

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "webhook_app")
DIGITS = 8


@cache
def code_version() -> str:
    """Return the version with the digest, such as `1.0.0 (3f2a9c1b)`.

    A process calls it when it starts: files that are replaced later are not what it runs.
    """
    digest = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return f"{webhook_app.__version__} ({digest.hexdigest()[:DIGITS]})"
