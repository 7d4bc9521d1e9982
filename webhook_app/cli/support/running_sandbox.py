"""The file that says where `run --sandbox` or `dev` runs, so that commands in another terminal find it.

The process that wrote it holds a lock on it: a file without a lock was left by one that was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhook_app.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

FOLDER, DEFAULT_FOLDER = "SANDBOX_FOLDER", "var/sandbox"
# Commands that read or change what a receiver stored, or ask where it sends. Not those that start, move, copy or erase.
COMMANDS = {
    *("check", "doctor", "match", "verify", "send-sample", "tunnel", "open", "shops"),
    *("status", "list", "show", "tail", "export", "replay", "discard", "drop", "resume"),
}


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """Where a receiver with a sandbox runs; `environment` leads a command to it."""

    port: int
    sandbox_url: str
    database_url: str
    environment: dict[str, str]
    started: float

    @property
    def inbox(self) -> str:
        """Return the database's name without its password."""
        return name_of(self.database_url)


def name_of(database_url: str) -> str:
    """Return the file of an SQLite database, or the address of another one without its password."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - every command imports this module

    url = make_url(database_url)
    return os.path.relpath(url.database or "") if url.drivername == "sqlite" else url.render_as_string()


@contextmanager
def announced(running: RunningSandbox, folder: Path) -> Iterator[None]:
    """Write the file for the time of the block; where that is not possible, only other commands are affected."""
    path = folder / f"{running.port}.json"
    try:
        descriptor = _write(path, json.dumps(asdict(running), indent=1))
    except OSError as error:
        _note(f"Commands in other terminals do not find this sandbox: {path}: {error.strerror}.")
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _write(path: Path, text: str) -> int:
    """Return the descriptor of a new file that is locked and that only this user can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # one that a killed process left: the port is free
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, text.encode())
    return descriptor


def use() -> None:
    """Set the environment of this command to that of the sandbox that runs here, except for variables that are set."""
    folder = Path(os.environ.get(FOLDER) or DEFAULT_FOLDER)
    found = sorted(filter(None, map(_read, folder.glob("*.json"))), key=lambda one: one.started)
    if port := os.environ.get("PORT"):
        found = [one for one in found if str(one.port) == port]
    if not found:
        return
    chosen, database_url = found[-1], os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE")
    if database_url and database_url != chosen.database_url:
        _note(f"DATABASE_URL is set, so this command does not use the sandbox that runs on port {chosen.port}.")
        return
    if not database_url:
        _note(_description(chosen, found))
    os.environ.update({name: value for name, value in chosen.environment.items() if not _is_set(name)})


def _description(chosen: RunningSandbox, found: list[RunningSandbox]) -> str:
    others = f" ({counted(len(found), 'sandbox', 'sandboxes')} run here; PORT chooses one)" if found[:-1] else ""
    return f"Using the sandbox that runs on port {chosen.port}, with its inbox {chosen.inbox}{others}."


def _is_set(name: str) -> bool:
    is_set = any(os.environ.get(one) for one in (name, f"{name}_FILE"))
    return is_set or (name == "SHOPS_FILE" and bool(os.environ.get("SHOPS")))


def _read(path: Path) -> RunningSandbox | None:
    """Return what a running process wrote, and remove the file of one that is gone."""
    try:
        with path.open("rb") as file:
            if _is_locked(file):
                return _parsed(file.read())
            _remove(path, file)
    except FileNotFoundError:
        pass
    except OSError as error:
        _note(f"{os.path.relpath(path)} cannot be read, so the sandbox it names is not used: {error.strerror}.")
    return None


def _is_locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _remove(path: Path, file: BinaryIO) -> None:
    if file.read():  # otherwise it is being written
        _note(f"The sandbox that {os.path.relpath(path)} names no longer runs; the file is ignored and removed.")
        path.unlink(missing_ok=True)


def _parsed(text: bytes) -> RunningSandbox | None:
    """Return None for a file that is being written, or was written by another version."""
    try:
        return RunningSandbox(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _note(sentence: str) -> None:
    click.echo(sentence, err=True)
