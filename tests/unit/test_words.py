"""The words that CONTRIBUTING.md lists as not used are not used, in code, texts and documentation."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.tables import for_each

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "CONTRIBUTING.md"
HEADING = "### Words that are not used\n"
FOLDERS = ("webhook_app", "schemas", "tests", "docs", "bench", "chaos", "storefront", ".github")
KINDS = {".py", ".md", ".html", ".css", ".js", ".mjs", ".php", ".liquid", ".toml", ".txt", ".yml"}
# What others wrote, what is written for good, and what is installed.
EXEMPT = re.compile(
    r"(^CHANGELOG\.md$|migrations/versions/|^tests/fixtures/|^tests/support/tunnel_output/|node_modules/"
    r"|^bench/(var|results|\.venv)/)"
)
CODE = re.compile(r"`([^`]+)`")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Rule(NamedTuple):
    """Words, what to write for them, and the files (or the beginnings of their paths) that may use them."""

    words: tuple[str, ...]
    instead: str
    exceptions: tuple[str, ...]


def section() -> str:
    """The table of words, with its introduction."""
    return GUIDE.read_text(encoding="utf-8").split(HEADING, 1)[1].split("\n#", 1)[0]


def rules() -> Iterator[Rule]:
    """Every row of the table."""
    for line in section().splitlines():
        if line.startswith("| `"):
            words, instead, exceptions = (cell.strip() for cell in line.strip("|").split("|"))
            yield Rule(tuple(CODE.findall(words)), instead, tuple(CODE.findall(exceptions)))


@cache
def texts() -> dict[str, str]:
    """Every text of the repository by its path, in lower case, with a space before each hump of a CamelCase name."""
    paths = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    named = {path.relative_to(ROOT).as_posix(): path for path in paths if path.suffix in KINDS}
    read = {name: path.read_text(encoding="utf-8") for name, path in named.items() if not EXEMPT.search(name)}
    read[GUIDE.name] = read[GUIDE.name].replace(section(), "\n" * section().count("\n"))
    return {name: HUMP.sub(" ", f"{name}\n{text}").lower() for name, text in read.items()}


def places(word: str, exceptions: tuple[str, ...] = ()) -> list[str]:
    """Where a word stands, as path:line; line 0 is the path itself."""
    spaced = r"\s+".join(word.split())
    whole, start = re.compile(rf"(?<![a-z]){spaced}(?![a-z])"), word.split(maxsplit=1)[0]
    return [
        f"{name}:{text.count(chr(10), 0, found.start())}"
        for name, text in texts().items()
        if start in text and not name.startswith(exceptions or ("\0",))
        for found in whole.finditer(text)
    ]


@for_each("word, rule", [(word, rule) for rule in rules() for word in rule.words])
def test_word_is_not_used(word: str, rule: Rule) -> None:
    """The word stands nowhere but in its exceptions."""
    assert places(word, rule.exceptions) == [], f"write instead: {rule.instead}"


@pytest.mark.parametrize(("exception", "rule"), [(path, rule) for rule in rules() for path in rule.exceptions])
def test_exception_is_needed(exception: str, rule: Rule) -> None:
    """An exception has a word that needs it."""
    assert any(place.startswith(exception) for word in rule.words for place in places(word))


@pytest.mark.parametrize(
    "text", ["a Plum.", "plum_tree", "old_plum", "PlumTree", "OldPlum", "plum", "PLUM", "inbox.db-plum", "plum2"]
)
def test_a_word_is_found_in_names(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word is found as a whole and as a part of a name, in any case."""
    monkeypatch.setitem(globals(), "texts", lambda: {"a.py": HUMP.sub(" ", text).lower()})
    assert places("plum") == ["a.py:0"]
    assert places("plum", ("a.py",)) == []


@pytest.mark.parametrize("text", ["plumb", "plums", "a prune"])
def test_a_part_of_a_word_is_not_the_word(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer words are other words."""
    monkeypatch.setitem(globals(), "texts", lambda: {"a.py": text})
    assert places("plum") == []


def test_a_phrase_is_found_over_the_end_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a line of prose ends makes no difference."""
    monkeypatch.setitem(globals(), "texts", lambda: {"a.md": "a sour\n  plum"})
    assert places("sour plum") == ["a.md:0"]
