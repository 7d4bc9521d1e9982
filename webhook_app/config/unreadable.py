"""Why a file of the configuration cannot be read: in words, with its owner and as whom this runs."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def why(file: Path, error: OSError | UnicodeDecodeError) -> str:
    """Return the reason, for the end of a message that names the file."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if not isinstance(error, PermissionError):
        return error.strerror or type(error).__name__
    return denied(file) or "Permission denied"


def denied(file: Path) -> str:
    """Return whose the file is, or the first folder on the way to it, that this user cannot read; "" where unknown."""
    path = Path(os.path.realpath(file))
    closed = (one for one in reversed(path.parents) if not os.access(one, os.X_OK))
    refused = next(closed, path)
    try:
        owner = name_of(refused.stat().st_uid)
    except OSError:
        return ""
    which = "it" if refused == path else str(refused)
    return f"{which} belongs to {owner}, and {name_of(os.geteuid())}, as whom this runs, may not read it"


def name_of(uid: int) -> str:
    """Return the name of a user, or its number where it has none, as in a container."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
