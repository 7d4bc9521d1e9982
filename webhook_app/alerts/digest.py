"""A summary of each day or week for every recipient: what became of the webhooks, by shop. See ALERT_DIGEST."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from webhook_app.alerts.messages import DIGEST, AlertMessage, digest_of
from webhook_app.formatting import number, percent
from webhook_app.inbox.counting import statistics
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.reports import accounting
from webhook_app.inbox.tables import task_positions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from webhook_app.alerts.recipients import Recipient
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.reports.accounting import AccountingEntry, Totals

Every = Literal["daily", "weekly"]
AT = 6  # o'clock, UTC: what came before midnight is settled
MOST_LISTED = 20  # shops in a text
COUNT_FOR = 20.0  # seconds, in which deliveries are counted that were never counted before
COUNT_PAUSE = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Period:
    """The days of a digest, and when it is sent, in milliseconds since 1970 UTC."""

    days: Sequence[date]
    due_at: int


def period(every: Every, now: int) -> Period:
    """Return the period whose digest was due last."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    due = moment.replace(hour=AT, minute=0, second=0, microsecond=0)
    due -= timedelta(days=1 if due > moment else 0)
    length = 1
    if every == "weekly":
        due, length = due - timedelta(days=due.weekday()), 7
    days = [due.date() - timedelta(days=back) for back in range(length, 0, -1)]
    return Period(days, int(due.timestamp()) * 1000)


def send_due(
    inbox: Inbox, every: Every, shops: Collection[str], recipients: Sequence[Recipient], proceed: Callable[[], bool]
) -> None:
    """Send the digest that is due to those who have not had it. Raises StoreUnavailableError.

    The first one is that of the period in which it is switched on. While not all is counted, it waits.
    """
    current = period(every, inbox.clock())
    known = {one.name: _position(inbox, one) for one in recipients}
    for one in recipients:
        if known[one.name] is None:
            _store_position(inbox, one, current.due_at)
    waiting = [one for one in recipients if (known[one.name] or current.due_at) < current.due_at]
    if not waiting or not _is_counted(inbox):
        return
    entries = [entry for day in current.days for entry in accounting.of_day(inbox, day) if entry.shop in shops]
    for one in waiting:
        of = [one.shop] if one.shop else sorted(shops)
        if one.sender.send(message(every, current, _by_shop(of, entries)), proceed):
            _store_position(inbox, one, current.due_at)


def message(every: Every, current: Period, by_shop: Mapping[str, Totals]) -> AlertMessage:
    """Return the digest of a period."""
    first, last = current.days[0].isoformat(), current.days[-1].isoformat()
    span = first if first == last else f"{first} to {last}"
    worst = sorted(by_shop, key=lambda shop: (_share(by_shop[shop]), -by_shop[shop].received, shop))
    lines = [f"{shop}: {_sentence(by_shop[shop])}" for shop in worst[:MOST_LISTED]]
    if len(worst) > 1:
        lines.insert(0, f"{len(worst)} shops: {_sentence(_sum(by_shop.values()))}")
    if len(worst) > MOST_LISTED:
        lines.append(f"And {len(worst) - MOST_LISTED} more shops, of which no smaller share is accounted for.")
    text = "\n".join([f"{every.capitalize()} digest of webhooks, {span} (UTC).", *lines])
    data = {"from": first, "to": last, "shops": {shop: _figures(totals) for shop, totals in by_shop.items()}}
    return AlertMessage(f"alert_{digest_of(every, first, *by_shop)}", DIGEST, text, data)


def _by_shop(shops: Collection[str], entries: Sequence[AccountingEntry]) -> dict[str, Totals]:
    return {shop: accounting.totals(entry for entry in entries if entry.shop == shop) for shop in shops}


def _sum(every: Collection[Totals]) -> Totals:
    names = accounting.Totals.__slots__
    return accounting.Totals(**{name: sum(getattr(one, name) for one in every) for name in names})


def _share(totals: Totals) -> float:
    return 1.0 if totals.settled_share is None else totals.settled_share


def _sentence(totals: Totals) -> str:
    if not totals.received:
        return "no webhooks."
    parts = [f"{number(getattr(totals, name))} {name}" for name in ("delivered", "ignored", "waiting", "dead")]
    share = percent(totals.settled_share)
    return f"{number(totals.received)} received: {', '.join(parts)}; {share} delivered or ignored."


def _figures(totals: Totals) -> dict[str, int]:
    return {name: getattr(totals, name) for name in accounting.Totals.__slots__}


def _is_counted(inbox: Inbox) -> bool:
    """Count what was never counted, in steps between which webhooks are accepted; False where time is up."""
    until = time.monotonic() + COUNT_FOR
    while statistics.refresh(inbox).uncounted:
        if time.monotonic() > until:
            return False
        time.sleep(COUNT_PAUSE)
    return True


def _task(recipient: Recipient) -> str:
    return f"digest {digest_of(recipient.name)}"


def _position(inbox: Inbox, recipient: Recipient) -> int | None:
    """Return when the last digest was due that the recipient had, None before the first."""
    with inbox.database.read() as connection:
        query = select(task_positions.c.position).where(task_positions.c.name == _task(recipient))
        return connection.execute(query).scalar()


def _store_position(inbox: Inbox, recipient: Recipient, position: int) -> None:
    with inbox.database.write() as connection:
        insert = insert_into(connection, task_positions).values(name=_task(recipient), position=position)
        index = [task_positions.c.name]
        connection.execute(insert.on_conflict_do_update(index_elements=index, set_={"position": position}))
