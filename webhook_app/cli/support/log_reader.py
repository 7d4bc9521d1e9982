"""Reads the log lines of all processes and writes one readable line for each event, for `dev`."""

from __future__ import annotations

import json
import os
import select
import time
from typing import TYPE_CHECKING, Any

import click

from webhook_app.cli.support.delivery_text import one_line, outcome
from webhook_app.cli.support.terminal import fitted
from webhook_app.errors import StoreUnavailableError, UnknownDeliveryError
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook_app.inbox import Inbox, Row

Record = dict[str, Any]

SLOW = 1.5  # seconds after which a delivery has a line before it is settled
LONGEST_LINE = 65536  # bytes
LOUD = {"warning", "error", "critical"}
STANDARD_FIELDS = {"event", "level", "timestamp"}
INDENT = 18  # columns of time and label, under which a line continues


class LogReader:
    """Turns log lines into lines for a terminal."""

    def __init__(
        self,
        inbox: Inbox,
        write: Callable[[str], None],
        tunnel_opened: Callable[[str, bool], None],
        widths: tuple[int, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`write` prints a line, `widths` are those of the columns for shop and topic.

        `tunnel_opened` is called with a tunnel's new address, and whether there was another one before.
        """
        self._inbox, self._write, self._tunnel_opened, self._clock = inbox, write, tunnel_opened, clock
        self._unsettled: dict[int, tuple[Record, float]] = {}  # by number: the record, and since when
        self._shop_width, self._topic_width = widths
        self._address = ""
        self._writers: dict[str, Callable[[Record], None]] = {
            "webhook_stored": self._webhook_stored,
            "ping_received": self._ping_received,
            "webhook_rejected": self._webhook_rejected,
            "request_refused": self._request_refused,
            "delivery_settled": self._delivery_settled,
            "tunnel_opened": self._tunnel_is_open,
            "tunnel_lost": self._tunnel_lost,
        }

    def read(self, descriptor: int) -> None:
        """Read the descriptor to its end."""
        for line in self._lines(descriptor):
            try:
                self.read_line(line)
            except (LookupError, TypeError, ValueError):  # an unexpected record: shown as it is, and reading goes on
                self._write(one_line(line))

    def read_line(self, line: str) -> None:
        """Write what a log line reports; any other line is passed on."""
        record = _record(line)
        if record is None:
            self._write(click.style(one_line(line), fg="bright_black"))
        elif write := self._writers.get(record["event"]):
            write(record)
        elif record.get("level") in LOUD:
            fields = " ".join(f"{name}={value}" for name, value in record.items() if name not in STANDARD_FIELDS)
            self._write_labelled("!", one_line(f"{record['event']} {fields}"), fg="yellow")

    def write_slow(self) -> None:
        """Write a line for what was stored a while ago and is not settled yet."""
        since = self._clock() - SLOW
        for number in [number for number, (_, at) in self._unsettled.items() if at <= since]:
            record, _ = self._unsettled.pop(number)
            self._write_delivery(record, f"{_stored(record)} -> not settled yet")

    def _lines(self, descriptor: int) -> Iterator[str]:
        rest, piece = b"", b"\n"
        while piece:
            if not select.select([descriptor], [], [], SLOW / 3 if self._unsettled else None)[0]:
                self.write_slow()
                continue
            piece = os.read(descriptor, LONGEST_LINE)
            *lines, rest = (rest + (piece or b"\n")).split(b"\n")
            yield from (line.decode("utf-8", "replace").rstrip() for line in lines if line.strip())
            self.write_slow()

    def _webhook_stored(self, record: Record) -> None:
        if record["status"] == "stored":
            self._unsettled[record["id"]] = record, self._clock()
        elif record["status"] == "duplicate":
            self._write_delivery(record, "verified; a duplicate of an earlier webhook, ignored")
        else:
            self._write_delivery(record, "verified and spooled: the database is unavailable")

    def _ping_received(self, record: Record) -> None:
        self._write_labelled("ping", f"{record['shop']}  answered; there is nothing to verify or store")

    def _webhook_rejected(self, record: Record) -> None:
        self._write_labelled("401", one_line(f"{record['shop']}  {_reason(record)}"), fg="red")

    def _request_refused(self, record: Record) -> None:
        self._write_labelled(str(record["code"]), one_line(_reason(record)), fg="red")

    def _delivery_settled(self, record: Record) -> None:
        stored, _ = self._unsettled.pop(record["id"], (None, 0.0))
        row = self._row(record["id"])
        took = record.get("ms") or None
        result = (
            outcome(row, self._inbox.clock(), took, personal=True)
            if row
            else f"{record['state']} {record.get('reason', '')}"
        )
        before = f"attempt {record['attempt']}" if record.get("attempt", 0) > 1 else _stored(stored)
        self._write_delivery(record, f"{before} -> {result}")

    def _tunnel_is_open(self, record: Record) -> None:
        if record["same"]:
            self._write_labelled("tunnel", f"open again at {one_line(record['url'])}", fg="green")
        else:
            before, self._address = self._address, one_line(record["url"])
            self._tunnel_opened(self._address, bool(before))

    def _tunnel_lost(self, record: Record) -> None:
        text = one_line(f"lost: {record['reason']} Opening it again in {record['again_in']:.0f} s.")
        self._write_labelled("tunnel", text, fg="yellow")

    def _row(self, number: int) -> Row | None:
        try:
            return stored_deliveries.get(self._inbox, number)
        except (StoreUnavailableError, UnknownDeliveryError):
            return None

    def _write_delivery(self, record: Record, text: str) -> None:
        origin = f"{record['shop']:<{self._shop_width}}  {record['topic']:<{self._topic_width}}"
        self._write_labelled(f"#{record['id']}", f"{origin}  {text}")

    def _write_labelled(self, label: str, text: str, fg: str | None = None) -> None:
        column = f"{label:<6}"
        line = f"{time.strftime('%H:%M:%S')}  {click.style(column, fg=fg) if fg else column}  {text}"
        self._write(fitted(line, INDENT))


def _stored(record: Record | None) -> str:
    return f"verified, stored in {record['ms']} ms" if record else "verified, stored"


def _reason(record: Record) -> str:
    return f"{record['reason']}: {record['hint']}" if record.get("hint") else str(record["reason"])


def _record(line: str) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None
