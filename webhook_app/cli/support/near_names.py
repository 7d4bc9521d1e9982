"""Finds variables and tables that are probably not meant as they are written; never shows a value."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING

from webhook_app.config.env_file import ENV_FILE
from webhook_app.config.settings import Settings
from webhook_app.config.variables import REFERENCE, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from webhook_app.config.shop_documents import Document

TABLES = ("shops", "defaults", "users")
ALIKE = 0.85  # of SequenceMatcher's ratio: one letter of seven
# Of others: OpenTelemetry's and Sentry's libraries, git, and what names a process itself.
FOREIGN = re.compile(r"OTEL_|SENTRY_|GIT_|LC_|XDG_|SSH_|KUBERNETES_|HEROKU_|WEBHOOKS_|PYTHON|.*_(SERVICE|PORT)_")
SHORTEST = 3  # letters
# systemd's EnvironmentFile, Docker's --env-file and .env take a value literally.
SUBSTITUTION = re.compile(r"^\$\(.+\)$|^`.+`$")


def variables(environ: Iterable[str], documents: Iterable[Document], options: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each variable that nothing reads and whose name is near one that is read.

    `options` are the variables of options of commands.
    """
    settings = [one.name.upper() for one in fields(Settings)]
    referenced = {name for document in documents for name in REFERENCE.findall(document.text)}
    readable = {*settings, *(f"{name}{SUFFIX}" for name in (*settings, *referenced))}
    known = {*readable, *referenced, "SHOPS", "SHOPS_FILE", ENV_FILE, *options}
    for name in sorted(environ):
        if name in known or len(name) < SHORTEST or FOREIGN.match(name):
            continue
        if near := _near(name, known):
            yield f"{name} is set, and nothing reads it. Is {near} meant?"


def unexpanded(environ: Mapping[str, str], documents: Iterable[Document]) -> Iterator[str]:
    """Yield a sentence for each variable that is read and whose value only a shell would have replaced."""
    referenced = {name for document in documents for name in REFERENCE.findall(document.text)}
    for name in sorted({one.name.upper() for one in fields(Settings)} | referenced):
        value = environ.get(name, "")
        if SUBSTITUTION.search(value):
            yield f"{name} holds $(...) or `...` as it stands: no shell runs it. Write what the command prints."


def tables(documents: Iterable[Document]) -> Iterator[str]:
    """Yield a sentence for each table of the shops' documents that nothing reads."""
    for document in documents:
        written: Mapping[str, object] = tomllib.loads(document.text)
        for name in written:
            if name not in TABLES:
                near = get_close_matches(name, TABLES, 1, 0.5)
                meant = f" Is [{near[0]}] meant?" if near else ""
                yield f"{document.place([], name)}: nothing reads [{name}].{meant}"


def _near(name: str, known: Iterable[str]) -> str | None:
    """Return the name that is meant: the same letters, or nearly the same; None where there is none."""
    upper = name.upper()
    best = max(known, key=lambda one: (_likeness(upper, one), one))
    return best if _likeness(upper, best) >= ALIKE else None


def _likeness(name: str, other: str) -> float:
    if sorted(name) == sorted(other):
        return 1.0
    return SequenceMatcher(None, name, other, autojunk=False).ratio()
