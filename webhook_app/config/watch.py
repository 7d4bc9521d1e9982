"""Notices changed shops: in their files, in `.env`, and in the files of their secrets.

Files are looked at every few seconds, which costs a stat of each, and read once they have stayed the same for a while:
a file that is being written is not read by halves. What cannot be used changes nothing.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from webhook_app.config import configuration, env_file, shop_changes, shop_documents, users
from webhook_app.config.variables import SUFFIX
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.config.users import User

EVERY = 2.0  # seconds between two looks, and in which files must not change before they are read
AGAIN = 60.0  # seconds after which what was not taken over is read again
Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """The shops and users as they were read."""

    shops: Mapping[str, Shop]
    users: Mapping[str, User] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found: what changed, in words, or why that cannot be used; neither where nothing changed."""

    changes: str = ""
    faults: tuple[str, ...] = ()


NOTHING = Look()


class ConfigurationWatch:
    """Compares the shops with those that a process uses; `for_web` also the users of the dashboard."""

    def __init__(self, used: Read, *, for_web: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """`used` is what this process works with; `clock` is in seconds.

        The first look reads the files: they may have changed since they were read for this process.
        """
        self._used, self._for_web, self._clock = used, for_web, clock
        self._signature, self._next_look, self._read_again = signature(), clock() + EVERY, float("inf")
        self._is_settled, self._faults = False, tuple[str, ...]()

    def look(self) -> Look:
        """Look at the files, unless the last look was just now."""
        now = self._clock()
        if now < self._next_look:
            return NOTHING
        self._next_look = now + EVERY
        before, self._signature = self._signature, signature()
        if self._signature != before:
            self._is_settled = False
            return NOTHING
        if self._is_settled and now < self._read_again:
            return NOTHING
        self._is_settled, self._read_again = True, float("inf")
        return self._compared(now)

    def changes(self) -> str:
        """Return in words how what stands in the files now differs; "" where it cannot be used."""
        try:
            return self._described(read(for_web=self._for_web))
        except ConfigurationError:
            return ""

    def _compared(self, now: float) -> Look:
        before = self._faults
        try:
            found, self._faults = self._described(read(for_web=self._for_web)), ()
        except ConfigurationError as error:
            found, self._faults = "", error.faults
        except Exception as error:  # noqa: BLE001 - the process that looks must go on as it was
            found, self._faults = "", (f"{shop_documents.where()}: cannot be read ({type(error).__name__})",)
        if found or self._faults:
            self._read_again = now + AGAIN  # it may not have been taken over
        return Look(found, self._faults if self._faults != before else ())

    def _described(self, found: Read) -> str:
        return shop_changes.described(self._used.shops, found.shops, (self._used.users, found.users))


class ConfigurationCheck:
    """Judges whether a process could start with what stands in the files now; `for_web` as in configuration.load()."""

    def __init__(self, *, for_web: bool) -> None:
        """Nothing is read before faults() is called."""
        self._for_web = for_web

    def faults(self) -> tuple[str, ...]:
        """Return every fault, each with the line to change; they are read again only after a change."""
        return _faults(signature(), for_web=self._for_web)


@lru_cache(maxsize=1)
def _faults(_signature: Signature, *, for_web: bool) -> tuple[str, ...]:
    try:
        read(for_web=for_web)
    except ConfigurationError as error:
        return error.faults
    return ()


def read(*, for_web: bool) -> Read:
    """Read the shops, and the users where they count, as a new process would. Raises ConfigurationError."""
    environ = env_file.environment()
    config, shops = configuration.load(environ=environ)
    return Read(shops, users.load(shops, config, environ) if for_web else {})


def signature() -> Signature:
    """Return what changes when a file does: each file's identity, size and time, of none where it is missing."""
    found = []
    for path in _paths():
        try:
            status = os.stat(path)  # noqa: PTH116 - of what a symbolic link leads to
            found.append((path, status.st_ino, status.st_size, status.st_mtime_ns))
        except (OSError, ValueError):
            found.append((path, 0, 0, 0))
    return tuple(found)


def _paths() -> list[str]:
    """Return the files of the shops, `.env`, and the files of settings and secrets."""
    documents: list[str] = []
    if not os.environ.get("SHOPS"):
        try:
            written = shop_documents.chosen(os.environ)
            documents = [str(written), *map(str, shop_documents.files(written))]
        except ConfigurationError:
            documents = []
    secrets = [path for name, path in os.environ.items() if name.endswith(SUFFIX) and name != "SHOPS_FILE" and path]
    return [*documents, str(env_file.path()), *secrets]
