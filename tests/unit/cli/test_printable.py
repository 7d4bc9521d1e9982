"""What comes from outside does nothing to the terminal that it is printed on."""

from __future__ import annotations

import io

import click
import pytest

from webhook_app.cli.support.printable import UNPRINTABLE, GuardedStream, printable

HOSTILE = [
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x9d0;title\x9c",
    "\x1b[2J",
    "\x1b[6n",
    "\x00\x08\x7f",
    "\u202eevil",
    "\u2066\u200f",
    "\ud800",
    "line\x85break\u2028",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_control_characters_are_written_as_escapes(text: str) -> None:
    """And all else stays, with line feeds and tabs."""
    shown = printable(f"Zo\u00eb\t1\n{text}")
    assert shown.startswith("Zo\u00eb\t1\n")
    assert UNPRINTABLE.search(shown) is None
    assert shown.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_guarded_terminal_gets_none(text: str) -> None:
    """Whatever command prints it; colours and progress bars of this program pass."""
    terminal = io.StringIO()
    stream = GuardedStream(terminal)
    stream.write(click.style("red", fg="red") + text)
    stream.writelines(["\r\x1b[K\x1b[?25l", text])
    written = terminal.getvalue()
    assert written.startswith("\x1b[31mred\x1b[0m")
    assert "\r\x1b[K\x1b[?25l" in written
    assert text not in written
