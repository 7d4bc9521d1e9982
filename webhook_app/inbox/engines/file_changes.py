"""What can happen to the files of an open SQLite database, with the messages about it."""

from __future__ import annotations

from enum import StrEnum

from webhook_app.errors import StoreUnavailableError


class Change(StrEnum):
    """What happened to the files of an open database."""

    MISSING = "missing"
    REPLACED = "replaced"
    OVERWRITTEN = "overwritten"
    LOG_REMOVED = "log_removed"


SENTENCES = {
    Change.MISSING: "the database file was deleted or moved away",
    Change.REPLACED: "the database file was replaced by another one",
    Change.OVERWRITTEN: "the database file was overwritten or truncated while it was open",
    Change.LOG_REMOVED: "the write-ahead log of the database (-wal or -shm) was deleted or replaced",
}
HINTS = {
    Change.MISSING: "Move it back, or restore a backup (docs/backup.md); until then webhooks are answered with 503.",
    Change.REPLACED: "Continuing with the new file. What the old one held and the new one lacks is not sent.",
    Change.OVERWRITTEN: "Continuing with what is there now; if it is damaged, restore a backup (docs/backup.md).",
    Change.LOG_REMOVED: "No action is needed: what it held is written into the database first. Do not delete it again.",
}
LARGE_LOG_HINT = (
    "A program has been reading for long, such as an sqlite3 shell with an open transaction, so the write-ahead log "
    "(-wal) cannot begin anew. End it."
)
ASIDE_HINT = (
    "This write-ahead log belonged to another database file, which was at the path before. It is deleted after "
    "KEEP_BODIES, and by the next request to erase personal data: if that file is still needed, save this log with it."
)
CREATE_OR_RESTORE = "Run `python -m webhook_app migrate` to create it, or restore a backup (docs/backup.md)."


def changed(change: Change) -> StoreUnavailableError:
    """Return the error of what was not done, or not in the right file, because of a change."""
    return StoreUnavailableError(SENTENCES[change], advice=HINTS[change])
