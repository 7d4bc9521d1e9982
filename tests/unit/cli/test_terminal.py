"""Lines that are wrapped between words."""

from __future__ import annotations

import click
import pytest

from webhook_app.cli.support.terminal import NARROWEST, fitted, wrap

LINE = "    17  acme  orders/create  ignored    No profile key (no_profile): a guest's order carries none"


def test_a_line_that_fits_stays_as_it_is() -> None:
    assert wrap(LINE, len(LINE), 8) == LINE


@pytest.mark.parametrize("width", range(48, len(LINE)))
def test_a_long_line_is_wrapped_between_words(width: int) -> None:
    """No line is too wide, no word is cut, and what follows stands under the indented column."""
    first, *others = wrap(LINE, width, 8).split("\n")
    assert others
    assert max(len(line) for line in (first, *others)) <= width
    assert all(line[:8] == " " * 8 and line[8] != " " for line in others)
    assert " ".join([first, *others]).split() == LINE.split()


def test_columns_keep_their_spaces() -> None:
    """Spaces within a line are those of its columns."""
    assert wrap(LINE, 60, 8).split("\n")[0] == "    17  acme  orders/create  ignored    No profile key"


def test_colours_take_no_room() -> None:
    """A coloured word counts with the letters that are seen."""
    coloured = LINE.replace("ignored", click.style("ignored", fg="red"))
    assert click.unstyle(wrap(coloured, 60, 8)) == wrap(LINE, 60, 8)


def test_a_word_that_is_too_long_stays_whole() -> None:
    """An address can be copied even where it is wider than the terminal."""
    url = f"https://events.example.com/{'x' * 80}"
    assert wrap(f"  webhook URL  {url} twice", 60, 4).split("\n") == ["  webhook URL", f"    {url}", "    twice"]


def test_a_narrow_terminal_keeps_room_for_text() -> None:
    """The indent shrinks rather than leave a few columns of text."""
    lines = wrap(LINE, NARROWEST + 4, 24).split("\n")
    assert all(line.startswith("    ") and line[4] != " " for line in lines[1:])


def test_output_to_a_file_is_not_wrapped() -> None:
    """Only a terminal has a width."""
    assert fitted("word " * 100, 4) == "word " * 100
