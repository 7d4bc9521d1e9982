"""The TOML documents of the shops: the text of SHOPS, the file SHOPS_FILE, or each file of that folder."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from webhook_app.config import unreadable
from webhook_app.config.toml_lines import line_of
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FILE, DEMO_FILE = "shops.toml", "shops.demo.toml"
# Set beside a sandbox: the demo's file, which is read until there is a shops.toml.
DEMO = "WEBHOOKS_DEMO_SHOPS"
EMPTY_FOLDER = (
    "Docker makes one where the file that is mounted does not exist: remove the folder and write the file first "
    "(see docs/configuration.md)"
)
MAX_SIZE = 4 * 1024 * 1024  # bytes: thousands of shops, which are read in seconds
TOO_LARGE = "is larger than 4 MiB; SHOPS_FILE may also name a folder of files"


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML document; `source` is what messages call it, a path where it is a file."""

    source: str
    text: str

    def place(self, path: list[str], root: str = "shops") -> str:
        """Return the source and the line on which a value is written, for the beginning of a message."""
        return f"{self.source}:{line_of(self.text, path, root)}"


def read(environ: Mapping[str, str] | None = None) -> tuple[Document, ...]:
    """Return the documents, none where a folder has none. Raises ConfigurationError."""
    known = os.environ if environ is None else environ
    inline, path = known.get("SHOPS"), known.get("SHOPS_FILE")
    if inline and path:
        raise ConfigurationError(["SHOPS, SHOPS_FILE: both are set; keep one of them"])
    if inline:
        return (Document("SHOPS", inline),)
    found = tuple(Document(str(file), _text(file)) for file in files(chosen(known)))
    if not found and chosen(known).suffix == ".toml":
        raise ConfigurationError([f"SHOPS_FILE: {chosen(known)} is an empty folder. {EMPTY_FOLDER}"])
    return found


def chosen(environ: Mapping[str, str]) -> Path:
    """Return the file or folder of the shops."""
    path, demo = environ.get("SHOPS_FILE"), environ.get(DEMO)
    return Path(demo if demo and not path and not Path(DEFAULT_FILE).exists() else path or DEFAULT_FILE)


def files(path: Path) -> list[Path]:
    """Return the file itself, or the `*.toml` files of a folder by name, without hidden ones. Raises no OSError."""
    try:
        inside = sorted(path.iterdir()) if path.is_dir() else None
    except OSError as error:
        raise ConfigurationError([f"SHOPS_FILE: {path} cannot be read: {unreadable.why(path, error)}"]) from None
    if inside is None:
        return [path]
    return [file for file in inside if file.suffix == ".toml" and not file.name.startswith(".")]


def where(environ: Mapping[str, str] | None = None) -> str:
    """Return what messages call the whole: the variable, the file or the folder."""
    known = os.environ if environ is None else environ
    return "SHOPS" if known.get("SHOPS") else str(chosen(known))


def _text(file: Path) -> str:
    if fault := _unusable(file):
        raise ConfigurationError([f"SHOPS_FILE: {file} {fault}"])
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        missing = f"{file.readlink()}, to which {file} leads" if file.is_symlink() else file
        fault = f"SHOPS_FILE: there is no {missing}; write it (see docs/configuration.md) or set SHOPS"
        raise ConfigurationError([fault]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"SHOPS_FILE: {file} cannot be read: {unreadable.why(file, error)}"]) from None


def _unusable(file: Path) -> str:
    """Return why a file is not read: a pipe or a device may never end, and a large one would stop all else."""
    try:
        status = file.stat()
    except OSError:
        return ""  # reading it raises the same
    if stat.S_ISREG(status.st_mode):
        return TOO_LARGE if status.st_size > MAX_SIZE else ""
    return "" if stat.S_ISDIR(status.st_mode) else "is no file but a pipe or a device; each process reads it anew"
