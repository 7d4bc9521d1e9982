"""Variables of the environment; the value of NAME may also stand in the file that NAME_FILE names.

Docker and Kubernetes mount secrets as such files. No message holds a value, nor the path: it may be a secret that was
written into the wrong variable.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from webhook_app.config import unreadable
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIX = "_FILE"
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# As in an environment file of systemd or Docker, where `$(openssl rand -hex 32)` would be a password that all can read.
UNEVALUATED = re.compile(r"\$\([^()]+\)|`[^`]+`")
LARGEST = 1024 * 1024  # bytes of such a file


def value(name: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the value of a variable, without the line break at the end of its file; None where it is not set.

    An empty variable counts as not set, because hosts' forms save fields that were left blank. Raises
    ConfigurationError.
    """
    known = os.environ if environ is None else environ
    own, path = known.get(name) or None, known.get(f"{name}{SUFFIX}") or None
    if own and path:
        raise ConfigurationError([f"{name}, {name}{SUFFIX}: both are set; keep one of them"])
    found = _content(f"{name}{SUFFIX}", path) if path else own
    if found and UNEVALUATED.fullmatch(found):
        raise ConfigurationError([f"{name}: is a shell command, which nothing runs here; write its output"])
    return found


def read(name: str, environ: Mapping[str, str] | None) -> tuple[str | None, str]:
    """Return the value of a variable that a document names, and why there is none, in a sentence."""
    try:
        return value(name, environ), f"the environment variable {name} is not set"
    except ConfigurationError as error:
        return None, error.faults[0]


def _content(variable: str, path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a NUL in a path is a ValueError here too
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise ConfigurationError([f"{variable}: the file is larger than {LARGEST} bytes"])
        found = text.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ConfigurationError([f"{variable}: the file cannot be read ({_why(error)})"]) from None
    except ValueError:  # UnicodeDecodeError is one
        raise ConfigurationError([f"{variable}: the file cannot be read (not a path, or not UTF-8)"]) from None
    if not found:
        raise ConfigurationError([f"{variable}: the file is empty"])
    return found


def _why(error: OSError) -> str:
    user = f"; this runs as {unreadable.name_of(os.geteuid())}" if isinstance(error, PermissionError) else ""
    return f"{error.strerror}{user}"
