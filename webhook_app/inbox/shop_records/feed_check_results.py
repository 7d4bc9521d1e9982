"""The last feed check of each shop: how many of the product keys that were sent are in its feed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.tables import feed_check_results

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhook_app.inbox.store import Inbox


@dataclass(frozen=True, slots=True)
class TemplateTrial:
    """A product key template, and for how many order lines it gives an id that is in the feed."""

    template: str
    found: int


@dataclass(frozen=True, slots=True)
class FeedCheckResult:
    """The comparison of one shop with a feed of `items` ids; `at` is in milliseconds since 1970 UTC.

    `sent` counts every product key sent in the last `days`, `keys` the distinct ones; `misses` are examples that are
    not in the feed. `lines` counts the distinct order lines in stored bodies on which templates were tried: `trials`,
    best first, including the shop's `template`.
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
        """The share of sent keys that are in the feed, from 0 to 1; None where nothing was sent."""
        return self.sent_found / self.sent if self.sent else None

    @property
    def own(self) -> TemplateTrial:
        """The trial of the shop's template."""
        return next(
            (trial for trial in self.trials if trial.template == self.template), TemplateTrial(self.template, 0)
        )

    @property
    def better(self) -> TemplateTrial | None:
        """The best template, where it finds more than the shop's; else None."""
        best = self.trials[0] if self.trials else None
        return best if best and best.found > self.own.found else None


def save(inbox: Inbox, results: Iterable[FeedCheckResult]) -> None:
    """Store results, replacing earlier ones of the same shops. Raises StoreUnavailableError."""
    rows = [{"shop": result.shop, "at": result.at, "result": json.dumps(asdict(result))} for result in results]
    if not rows:
        return
    with inbox.database.write() as connection:
        saving = insert_into(connection, feed_check_results)
        changed = {"at": saving.excluded.at, "result": saving.excluded.result}
        connection.execute(saving.on_conflict_do_update(index_elements=["shop"], set_=changed), rows)


def latest(inbox: Inbox) -> dict[str, FeedCheckResult]:
    """Return the last result of each shop that has one, by shop. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        query = select(feed_check_results.c.result).order_by(feed_check_results.c.shop)
        results = [_read(json.loads(text)) for text in connection.execute(query).scalars()]
    return {result.shop: result for result in results}


def _read(stored: dict[str, Any]) -> FeedCheckResult:
    trials = tuple(TemplateTrial(**trial) for trial in stored["trials"])
    return FeedCheckResult(**{**stored, "misses": tuple(stored["misses"]), "trials": trials})
