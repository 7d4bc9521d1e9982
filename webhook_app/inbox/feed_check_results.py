"""How well the product keys that were sent fit the feed: the last result of each shop, kept for whoever shows it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from webhook_app.inbox.tables import feed_check_results

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhook_app.inbox.store import Inbox


@dataclass(frozen=True, slots=True)
class TemplateTrial:
    """A template, and for how many of the order lines it gives an id that is in the feed."""

    template: str
    found: int


@dataclass(frozen=True, slots=True)
class FeedCheckResult:
    """What comparing one shop with a feed of `items` ids gave; `at` is in milliseconds since 1970 UTC.

    `sent` counts every product key sent in the last `days`, `keys` the different ones; `misses` are examples of those
    that are not in the feed. `lines` are the different order lines in bodies still held, on which templates were
    tried: `trials`, the best first, among them the shop's own `template`.
    """

    shop: str
    at: int
    feed: str
    items: int
    days: int
    template: str
    sent: int
    sent_found: int
    keys: int
    keys_found: int
    misses: tuple[str, ...]
    lines: int
    trials: tuple[TemplateTrial, ...]

    @property
    def share(self) -> float | None:
        """How much of what was sent is in the feed, from 0 to 1; None where nothing was sent."""
        return self.sent_found / self.sent if self.sent else None

    @property
    def own(self) -> TemplateTrial:
        """How the shop's own template does."""
        return next(
            (trial for trial in self.trials if trial.template == self.template), TemplateTrial(self.template, 0)
        )

    @property
    def better(self) -> TemplateTrial | None:
        """Return the template that would match best, where it is better than the shop's own."""
        best = self.trials[0] if self.trials else None
        return best if best and best.found > self.own.found else None


def save(inbox: Inbox, found: Iterable[FeedCheckResult]) -> None:
    """Keep results instead of the earlier ones of the same shops. Raises StoreUnavailableError."""
    rows = [{"shop": match.shop, "at": match.at, "result": json.dumps(asdict(match))} for match in found]
    if not rows:
        return
    with inbox.database.writing() as connection:
        connection.execute(
            delete(feed_check_results).where(feed_check_results.c.shop.in_([row["shop"] for row in rows]))
        )
        connection.execute(insert(feed_check_results), rows)


def latest(inbox: Inbox) -> dict[str, FeedCheckResult]:
    """Return the last result of each shop that has one, by shop. Raises StoreUnavailableError."""
    with inbox.database.reading() as connection:
        rows = (
            connection.execute(select(feed_check_results.c.result).order_by(feed_check_results.c.shop)).scalars().all()
        )
    found = [_read(json.loads(row)) for row in rows]
    return {match.shop: match for match in found}


def _read(stored: dict[str, Any]) -> FeedCheckResult:
    trials = tuple(TemplateTrial(**trial) for trial in stored["trials"])
    return FeedCheckResult(**{**stored, "misses": tuple(stored["misses"]), "trials": trials})
