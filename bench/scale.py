"""`python -m bench.scale DATABASE --rows N`: what the product's queries take beside many rows, for docs/scale.md.

DATABASE is the URL of an empty PostgreSQL database on this machine. It is filled (many_rows.py), measured, and left as
it is. Beside the time that passed stands the processor time of the server's processes, which a busy machine changes
less. The log (WAL) is that of the whole server: nothing else may write there.
"""

from __future__ import annotations

import statistics
import time
import uuid
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg

from bench import many_rows, order
from webhook_app.inbox import Inbox, NewDelivery, Selection, Settlement, State, migrate
from webhook_app.inbox.counting import statistics as counts
from webhook_app.inbox.reports import delivery_pages
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.inbox.retention import Retention, sweep
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES, GROUP = 60, 16
PAGE = 50  # rows
SECONDS = many_rows.DAY // 1000  # in a day
SIZES = """
SELECT relname, pg_relation_size(oid), pg_total_relation_size(oid) FROM pg_class
WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace AND pg_total_relation_size(oid) > 1000000
ORDER BY pg_relation_size(oid) DESC
"""
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
WAIT = "UPDATE deliveries SET state = 'received', due_at = 0 WHERE id > (SELECT max(id) - 100000 FROM deliveries)"
TABLES = ("deliveries", "business_keys", "bodies")


@click.command()
@click.argument("database")
@click.option("--rows", default=10_000_000, show_default=True, help="Deliveries to fill in; 0: there are some.")
def main(*, database: str, rows: int) -> None:
    """Fill a database, and print what is measured there."""
    if rows:
        with closing(Inbox(database)) as inbox:
            migrate.upgrade(inbox.database)
        many_rows.fill(database, rows, time.time_ns() // 1_000_000)
    with psycopg.connect(database, autocommit=True) as server, closing(Inbox(database)) as inbox:
        measured = Measured(inbox, server)
        measured.sizes()
        measured.pipeline()
        measured.counting()
        measured.pages()
        measured.backlog()
        measured.retention()


class Measured:
    """A database and what is measured there; every method prints."""

    def __init__(self, inbox: Inbox, server: psycopg.Connection) -> None:
        """`server` is a connection beside those of `inbox`."""
        self._inbox, self._server = inbox, server

    def sizes(self) -> None:
        """Look at tables and indexes of more than a megabyte."""
        for name, own, whole in self._server.execute(SIZES):
            click.echo(f"{name}: {own / 2**20:,.0f} MiB, with its indexes and TOAST {whole / 2**20:,.0f} MiB")

    def pipeline(self) -> None:
        """Store, claim, reserve and settle groups of new orders, just after a checkpoint and a second time."""
        for name in ("after a checkpoint", "then"):
            if name != "then":
                self._server.execute("CHECKPOINT")
            before = self._log()
            self._pass_through()
            click.echo(f"WAL of an order, {name}: {(self._log() - before) / TIMES / GROUP:,.0f} bytes")

    def counting(self) -> None:
        """Count for the first time, and then again and again."""
        self._timed("counting all for the first time", partial(counts.refresh, self._inbox, None))
        self._repeated("counting what is new", lambda _: counts.refresh(self._inbox, None, 0))
        self._timed("SELECT count(*)", partial(self._server.execute, "SELECT count(*) FROM deliveries"))

    def pages(self) -> None:
        """Read pages of the dashboard."""
        wanted = {
            "page of the newest deliveries": Selection(),
            "page of a small shop's": Selection(shop=many_rows.name_of(many_rows.SHOPS - 10)),
            "page of the ignored": Selection(states=(State.IGNORED,)),
            "page of the dead": Selection(states=(State.DEAD,)),
            "search of an order's id": Selection(order="7000000400000"),
            "search of an order's name": Selection(order="#400000"),
        }
        for name, selection in wanted.items():
            self._repeated(name, partial(self._page, DeliveryFilter(selection)))

    def backlog(self) -> None:
        """Let deliveries of every shop wait: what a worker asks before each claim."""
        self._server.execute(WAIT)
        self._repeated("poll, 100,000 of all shops wait", lambda _: self._inbox.poll())
        shops = {many_rows.name_of(number): 1 for number in range(1, GROUP + 1)}
        self._repeated("claim 1 of each of 16 shops", lambda _: self._inbox.claim(shops))
        self._server.execute("UPDATE deliveries SET state = 'delivered', due_at = NULL WHERE due_at IS NOT NULL")

    def retention(self) -> None:
        """Delete a day as retention does, and vacuum."""
        self._vacuum("before")
        before, day = self._log(), Retention(keep_bodies=6 * SECONDS, keep_rows=89 * SECONDS)
        done = self._timed("retention of a day", partial(sweep, self._inbox, day))
        click.echo(f"deleted (bodies, rows): {done}; WAL: {(self._log() - before) / 2**20:,.0f} MiB")
        self._vacuum("then")

    def _pass_through(self) -> None:
        inbox, claimed = self._inbox, list[Any]()
        groups = [[_order(number) for number in range(GROUP)] for _ in range(TIMES)]
        self._repeated("store 16", lambda number: inbox.store_all(groups[number]))
        self._repeated("poll, one shop waits", lambda _: inbox.poll())
        self._repeated("claim 16", lambda _: claimed.append(inbox.claim({many_rows.name_of(1): GROUP})))
        calls = [[(one, Call("purchase", f"purchase:{uuid.uuid4()}", {})) for one in some] for some in claimed]
        self._repeated("reserve 16 business keys", lambda number: inbox.reserve(calls[number]))
        ends = [[Settlement(one, State.DELIVERED, call=call, attempted=True) for one, call in some] for some in calls]
        self._repeated("settle 16", lambda number: inbox.settle(ends[number]))
        self._repeated("store 16 duplicates", lambda number: inbox.store_all(groups[number]))

    def _page(self, wanted: DeliveryFilter, _: int) -> None:
        delivery_pages.page(self._inbox, wanted, PAGE)

    def _vacuum(self, when: str) -> None:
        for table in TABLES:
            self._timed(f"vacuum of {table} {when}", partial(self._server.execute, f"VACUUM {table}".encode()))

    def _timed(self, name: str, step: Callable[[], object]) -> object:
        used, began = self._processor(), time.perf_counter()
        done = step()
        took = time.perf_counter() - began
        click.echo(f"{name}: {took:,.2f} s, the server's processor {(self._processor() - used) / 1000:,.2f} s")
        return done

    def _repeated(self, name: str, step: Callable[[int], object]) -> None:
        taken, used = [], self._processor()
        for number in range(TIMES):
            began = time.perf_counter()
            step(number)
            taken.append((time.perf_counter() - began) * 1000)
        used = (self._processor() - used) / TIMES
        click.echo(f"{name}: median {statistics.median(taken):.2f} ms, the server's processor {used:.2f} ms each")

    def _processor(self) -> float:
        """Return the milliseconds that the server's processes of this database have run."""
        used = 0.0
        for (pid,) in self._server.execute(BACKENDS).fetchall():
            with suppress(OSError):
                used += int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e6
        return used

    def _log(self) -> int:
        """Return the bytes of log that were ever written."""
        [written] = self._server.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone() or (0,)
        return int(written)


def _order(number: int) -> NewDelivery:
    shop, identity = many_rows.name_of(1), uuid.uuid4().hex * 2
    return NewDelivery(shop, "shopify", "orders/create", identity, "", {"number": str(number)}, order.body())


if __name__ == "__main__":
    main()
