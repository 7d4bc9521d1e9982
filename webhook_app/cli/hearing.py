"""What `dev` tells while everything runs: log lines of all processes in, one readable line an event out."""

from __future__ import annotations

import json
import os
import select
import time
from typing import TYPE_CHECKING, Any

import click

from webhook_app.cli.telling import outcome, plain
from webhook_app.errors import StoreUnavailableError, UnknownDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook_app.inbox import Inbox, Row

Record = dict[str, Any]

SLOW = 1.5  # seconds after which something that was stored is told before it is settled
LONGEST_LINE = 65536  # bytes
LOUD = {"warning", "error", "critical"}
OURS = {"event", "level", "timestamp"}


class Hearing:
    """Turns what the processes log into lines for a person."""

    def __init__(
        self,
        inbox: Inbox,
        tell: Callable[[str], None],
        opened: Callable[[str, bool], None],
        widths: tuple[int, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` prints a line, `widths` are the columns' of shops and topics.

        `opened` is called with a tunnel's new address, and whether there was another before.
        """
        self._inbox, self._tell, self._opened, self._clock = inbox, tell, opened, clock
        self._stored: dict[int, tuple[Record, float]] = {}  # by number: not settled yet, and since when
        self._shop_width, self._topic_width = widths
        self._address = ""
        self._words: dict[str, Callable[[Record], None]] = {
            "webhook_stored": self._was_stored,
            "ping_received": self._was_ping,
            "webhook_rejected": self._was_rejected,
            "request_refused": self._was_refused,
            "delivery_settled": self._was_settled,
            "tunnel_opened": self._tunnel_is_open,
            "tunnel_lost": self._tunnel_is_lost,
        }

    def listen(self, ear: int) -> None:
        """Read the descriptor to its end."""
        for line in self._lines(ear):
            try:
                self.hear(line)
            except (LookupError, TypeError, ValueError):  # whatever it is, to be silent from then on would be worse
                self._tell(plain(line))

    def hear(self, line: str) -> None:
        """Tell what a line says; one that is no log line of ours is passed on as it is."""
        record = _record(line)
        if record is None:
            self._tell(click.style(plain(line), fg="bright_black"))
        elif word := self._words.get(record["event"]):
            word(record)
        elif record.get("level") in LOUD:
            about = " ".join(f"{name}={value}" for name, value in record.items() if name not in OURS)
            self._tell(self._at("!", plain(f"{record['event']} {about}"), fg="yellow"))

    def hurry(self) -> None:
        """Tell of what was stored a while ago and is not settled yet."""
        since = self._clock() - SLOW
        for number in [number for number, (_, at) in self._stored.items() if at <= since]:
            record, _ = self._stored.pop(number)
            self._tell(self._about(record, f"{_proven(record)} -> still on its way"))

    def _lines(self, ear: int) -> Iterator[str]:
        held, piece = b"", b"\n"
        while piece:
            if not select.select([ear], [], [], SLOW / 3 if self._stored else None)[0]:
                self.hurry()
                continue
            piece = os.read(ear, LONGEST_LINE)
            *lines, held = (held + (piece or b"\n")).split(b"\n")
            yield from (line.decode("utf-8", "replace").rstrip() for line in lines if line.strip())
            self.hurry()

    def _was_stored(self, record: Record) -> None:
        if record["status"] == "stored":
            self._stored[record["id"]] = record, self._clock()
        elif record["status"] == "duplicate":
            self._tell(self._about(record, "verified; a duplicate of an earlier webhook, nothing more happens"))
        else:
            self._tell(self._about(record, "verified and spooled: the database is unavailable"))

    def _was_ping(self, record: Record) -> None:
        self._tell(self._at("ping", f"{record['shop']}  answered, nothing to verify or store"))

    def _was_rejected(self, record: Record) -> None:
        hint = f": {record['hint']}" if record.get("hint") else ""
        self._tell(self._at("401", plain(f"{record['shop']}  {record['reason']}{hint}"), fg="red"))

    def _was_refused(self, record: Record) -> None:
        hint = f": {record['hint']}" if record.get("hint") else ""
        self._tell(self._at(str(record["code"]), plain(f"{record['reason']}{hint}"), fg="red"))

    def _was_settled(self, record: Record) -> None:
        stored, _ = self._stored.pop(record["id"], (None, 0.0))
        took = record.get("ms") or None
        row = self._row(record["id"])
        became = outcome(row, self._inbox.clock(), took) if row else f"{record['state']} {record.get('reason', '')}"
        again = f"attempt {record['attempt']}" if record.get("attempt", 0) > 1 else ""
        self._tell(self._about(record, " -> ".join(part for part in (again or _proven(stored), became) if part)))

    def _tunnel_is_open(self, record: Record) -> None:
        if record["same"]:
            self._tell(self._at("tunnel", f"open again at {plain(record['url'])}", fg="green"))
        else:
            before, self._address = self._address, plain(record["url"])
            self._opened(self._address, bool(before))

    def _tunnel_is_lost(self, record: Record) -> None:
        lost = plain(f"lost: {record['reason']} Opening it again in {record['again_in']:.0f} s.")
        self._tell(self._at("tunnel", lost, fg="yellow"))

    def _row(self, number: int) -> Row | None:
        try:
            return self._inbox.get(number)
        except (StoreUnavailableError, UnknownDeliveryError):
            return None

    def _about(self, record: Record, said: str) -> str:
        who = f"{record['shop']:<{self._shop_width}}  {record['topic']:<{self._topic_width}}"
        return self._at(f"#{record['id']}", f"{who}  {said}")

    def _at(self, what: str, said: str, fg: str | None = None) -> str:
        shown = f"{what:<6}"
        return f"{time.strftime('%H:%M:%S')}  {click.style(shown, fg=fg) if fg else shown}  {said}"


def _proven(record: Record | None) -> str:
    return f"verified, stored in {record['ms']} ms" if record else "verified, stored"


def _record(line: str) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None
