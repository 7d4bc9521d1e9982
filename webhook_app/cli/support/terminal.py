"""Output for a terminal: colours, lines wrapped at words, progress bars; none of it where output is redirected."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

NARROWEST = 40  # columns of text that a hanging indent leaves at least


def colours() -> bool | None:
    """Return click's `color`: False where NO_COLOR is set (https://no-color.org), else None: on a terminal only."""
    return False if os.environ.get("NO_COLOR") else None


def fitted(line: str, indent: int) -> str:
    """Wrap a line at the width of the terminal, continued under column `indent`; unchanged where there is none."""
    return wrap(line, _width(), indent) if sys.stdout.isatty() else line


def margin(indent: int) -> str:
    """Return the spaces with which `fitted` continues a line."""
    return _margin(_width(), indent) if sys.stdout.isatty() else " " * indent


def wrap(line: str, width: int, indent: int) -> str:
    """Wrap a line between words, whose colours take no room; a word that is longer than a line stays whole."""
    lines = [""]
    for word in re.split(r"(?<=\S)(?=\s)", line.rstrip()):
        if lines[-1].strip() and len(click.unstyle(lines[-1] + word)) > width:
            lines.append(_margin(width, indent) + word.lstrip())
        else:
            lines[-1] += word
    return "\n".join(lines)


def _width() -> int:
    return shutil.get_terminal_size().columns


def _margin(width: int, indent: int) -> str:
    return " " * max(min(indent, width - NARROWEST), 0)


def progress_bar(length: int | None, label: str = "", *, hidden: bool = False) -> AbstractContextManager[Any]:
    """Make a progress bar on stderr, for as many steps as `length`, or for an unknown number (None)."""
    how: dict[str, Any] = {"label": label, "file": sys.stderr, "hidden": hidden or not sys.stderr.isatty()}
    if length is None:
        return click.progressbar((_ for _ in ()), show_pos=True, **how)
    return click.progressbar(length=length, **how)
