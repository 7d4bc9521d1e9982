"""The file `.env`: variables for where no host sets them. What the environment sets takes precedence.

A program that replaces or starts another one passes its environment on. So that a changed file counts after a reload,
and what the first program changed or removed on purpose stays so, a mark in the environment says what came from where.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from webhook_app.config import unreadable
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV_FILE, DEFAULT = "ENV_FILE", ".env"
MARK = "WEBHOOKS_ENV_FILE"  # what a process found in the file: NAME=<digest of the value it used>, separated by commas


def load() -> None:
    """Add what the file has to this process's environment. Raises ConfigurationError, each fault with its line."""
    merged = environment()
    for name in set(os.environ) - set(merged):
        del os.environ[name]
    os.environ.update({name: value for name, value in merged.items() if os.environ.get(name) != value})


def environment() -> dict[str, str]:
    """Return the environment with what the file has now. Raises ConfigurationError."""
    merged, written = dict(os.environ), values(path())
    marked = dict(one.split("=", 1) for one in merged.pop(MARK, "").split(",") if "=" in one)
    for name, digest in marked.items():
        if digest and _digest(merged.get(name)) == digest:
            del merged[name]  # it came from the file, and may have changed there
        else:
            written.pop(name, None)
            marked[name] = ""
    came = {name: value for name, value in written.items() if name not in merged}
    merged.update(came)
    fixed = {name: "" for name, digest in marked.items() if not digest}
    marks = {**dict.fromkeys(written, ""), **fixed, **{name: _digest(value) for name, value in came.items()}}
    if marks:
        merged[MARK] = ",".join(f"{name}={digest}" for name, digest in marks.items())
    return merged


def faults(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence where the file that ENV_FILE names is missing: without it, other settings would count."""
    named = environ.get(ENV_FILE)
    return [f"{ENV_FILE}: there is no {named}; {os.devnull} is for none"] if named and not Path(named).exists() else []


def path() -> Path:
    """Return where the file is expected."""
    return Path(os.environ.get(ENV_FILE) or DEFAULT)


def values(file: Path) -> dict[str, str]:
    """Return what a file assigns, literally: no value refers to another. Raises ConfigurationError."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{file} cannot be read: {unreadable.why(file, error)}"]) from None
    bindings = list(parse_stream(io.StringIO(text)))
    lines = [one.original.line + _blank_lines(one.original.string) for one in bindings if one.error]
    if lines:
        raise ConfigurationError([f"{file}:{line}: expected NAME=value" for line in lines])
    return {one.key: one.value for one in bindings if one.key and one.value is not None}


def marked(environ: Mapping[str, str]) -> set[str]:
    """Return the names that are in the file of an environment."""
    return {one.partition("=")[0] for one in environ.get(MARK, "").split(",") if one}


def _blank_lines(text: str) -> int:
    return len(text) - len(text.lstrip("\n"))


def _digest(value: str | None) -> str:
    return "" if value is None else hashlib.sha256(value.encode()).hexdigest()[:16]
