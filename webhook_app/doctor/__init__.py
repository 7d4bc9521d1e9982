"""The doctor: one small check after the other, each of which says what it found and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.doctor import configuration, product_keys, storage, traffic, tweakwise, webhook_urls
from webhook_app.doctor.finding import Finding, Level, Subject
from webhook_app.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[Subject], Iterator[Finding]]

__all__ = ["CHECKS", "OF_THE_INBOX", "Finding", "Level", "Subject", "examine"]

CHECKS: tuple[Check, ...] = (
    configuration.shops,
    configuration.secrets,
    storage.database,
    storage.disk,
    storage.spool,
    tweakwise.reached,
    webhook_urls.urls,
)
# These read the inbox, and are left out where the database is not sound.
OF_THE_INBOX: tuple[Check, ...] = (
    traffic.workers,
    traffic.breakers,
    traffic.dead,
    traffic.events,
    tweakwise.keys,
    product_keys.templates,
    product_keys.feeds,
)


def examine(subject: Subject) -> Iterator[Finding]:
    """Run every check; yields findings as they come, and raises nothing for what is wrong with the subject."""
    sound = True
    for check in CHECKS:
        for finding in check(subject):
            sound = sound and not (finding.check == "database" and finding.level is Level.WRONG)
            yield finding
    for check in OF_THE_INBOX if sound else ():
        try:
            yield from check(subject)
        except StoreUnavailableError as error:
            yield Finding("database", Level.WRONG, f"The database does not answer: {error}.", "Look at its own log.")
            return
