"""Why this process cannot use the files of an SQLite database: which path, whose it is, and as whom this runs."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path

from webhook_app.config import variables
from webhook_app.config.unreadable import name_of
from webhook_app.config.validators import SQLITE
from webhook_app.errors import ConfigurationError

# Unlike Path.is_dir(), False also in a folder that this user may not search.
is_folder = os.path.isdir
SHARED = ("/", "/etc", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr", "/var", "/var/lib")  # noqa: S108 - not used
DEFAULT = f"{SQLITE}var/inbox.db"


def fault() -> str:
    """Return a sentence about the first path that this user cannot write, "" where there is none."""
    with suppress(ConfigurationError):
        return _fault(variables.value("DATABASE_URL") or DEFAULT)
    return ""


def _fault(url: str) -> str:
    if not url.startswith(SQLITE):
        return ""
    file = Path(url.removeprefix(SQLITE)).absolute()
    if is_folder(file):
        return f"DATABASE_URL names a folder; name a file in it: {SQLITE}{file / 'inbox.db'}"
    folder = next(one for one in file.parents if is_folder(one))
    beside = sorted(file.parent.glob(f"{file.name}*")) if folder == file.parent else []
    paths = [folder, *beside]
    refused = next((one for one in paths if not os.access(one, os.W_OK)), None)
    if refused is None:
        return ""
    if os.statvfs(refused).f_flag & os.ST_RDONLY:
        return f"{refused} is on a disk that is mounted read-only: mount it so that it can be written"
    user = name_of(os.geteuid())
    owner = name_of(refused.stat().st_uid)
    return f"{refused} belongs to {owner}; {user}, as whom this runs, cannot write it: {_remedy(file, refused, user)}"


def _remedy(file: Path, refused: Path, user: str) -> str:
    """Return the command that helps; never one that takes away a folder in which there is more than the database."""
    if refused != file.parent:
        missing = refused in file.parents
        return f"install -d -o {user} -m 700 {_quoted(file.parent)}" if missing else f"chown {user} {_quoted(refused)}"
    if _is_folder_of(refused, file.name):
        return f"chown -R {user} {_quoted(refused)}"
    if str(refused) not in SHARED and os.path.lexists(file):
        return f"chown {user} {_quoted(refused)} {_quoted(file)}*"
    own = refused / file.stem
    return f"install -d -o {user} -m 700 {_quoted(own)}, and DATABASE_URL={SQLITE}{own / file.name}"


def _is_folder_of(folder: Path, name: str) -> bool:
    """Return whether a folder has nothing but a database of that name; of one that is closed its own name decides."""
    if str(folder) in SHARED:
        return False
    try:
        found = [one.name for one in folder.iterdir()]
    except OSError:
        return True
    return all(one.removeprefix(".").startswith(name) or one == "lost+found" for one in found)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
