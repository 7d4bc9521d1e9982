"""Every regular expression of the receiver is linear: a text of 64 KiB takes about 64 times as long as one of 1 KiB."""

from __future__ import annotations

import ast
import importlib
import re
import time
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
METHODS = ("match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer")
# bots.py makes its patterns of a published list and cuts what they search; statements.py reads only SQL in the source;
# dropped_fields.py makes its patterns of the configuration, and its test measures the time.
EXEMPT = {
    "webhook_app/config/dropped_fields.py",
    "webhook_app/translation/bots.py",
    "webhook_app/inbox/engines/statements.py",
}

SIZES = (1 << 10, 1 << 13, 1 << 16)  # characters
SLOW = 3e-3  # seconds; what is faster is not worth a comparison
TOO_SLOW = 0.2  # seconds for at most 8 KiB; a cubic pattern would take hours for more
SUPERLINEAR = 24  # times as long, for 8 times the text: 8 would be linear, 64 quadratic
UNITS = (*" \t\n.-_@%=&#;:/,<>\"'`()[]{}aZ0é\0", "a ", ".a", "-a", "0 ", "a@", "-at", "A.", "%41", "=4", "1-", "\\x")
FRAGMENT = re.compile(r"[^\\^$*+?(){}\[\]|]{2,20}")  # of a pattern's source that may be a literal text


class Pattern(NamedTuple):
    """A regular expression as a module writes it, and the methods that are called on it."""

    place: str
    compiled: re.Pattern[Any]
    methods: frozenset[str]


@cache
def sources() -> dict[str, ast.Module]:
    found = [path for package in ("webhook_app", "schemas") for path in sorted((ROOT / package).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in found}


def calls_by_name() -> dict[str, set[str]]:
    """Return the methods that are called on what has a name, such as NAME.fullmatch() or module.NAME.fullmatch()."""
    called: dict[str, set[str]] = {}
    for node in (node for tree in sources().values() for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            holder = node.value
            name = holder.id if isinstance(holder, ast.Name) else getattr(holder, "attr", "")
            called.setdefault(name, set()).add(node.attr)
    return called


def names_of(tree: ast.Module) -> dict[int, str]:
    """Return the name that each expression is assigned to, by the expression's identity."""
    return {
        id(node.value): node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def patterns_in(path: str, tree: ast.Module, called: dict[str, set[str]]) -> Iterator[Pattern]:
    """Yield what is passed to a function of re and to marshmallow's Regexp, with its values in the module's terms."""
    names = names_of(tree)
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        function = ast.unparse(node.func)
        of_re = function.startswith("re.") and function[3:] in ("compile", *METHODS)
        if of_re or function.endswith("Regexp"):
            module = importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
            flags = [word.value for word in node.keywords if word.arg == "flags"]
            flags += node.args[1:2] if function == "re.compile" else []
            values = [eval(ast.unparse(part), vars(module)) for part in (node.args[0], *flags)]
            own = {function[3:]} if of_re and function != "re.compile" else {"match"} if not of_re else set()
            methods = own or called.get(names.get(id(node), ""), set()) or set(METHODS)
            yield Pattern(f"{path}:{node.lineno}", re.compile(*values), frozenset(methods))


@cache
def all_patterns() -> list[Pattern]:
    called = calls_by_name()
    files = [(path, tree) for path, tree in sources().items() if path not in EXEMPT and "migrations" not in path]
    return [pattern for path, tree in files for pattern in patterns_in(path, tree, called)]


def hostile_texts(source: str, size: int) -> Iterator[str]:
    """Yield texts that make a pattern begin often and end late: repeated parts, alone and after a possible start."""
    fragments = sorted(set(FRAGMENT.findall(source)))[:8]
    for unit in (*UNITS, *fragments):
        repeated = (unit * (size // len(unit) + 1))[:size]
        yield repeated
        yield f"x{repeated}\0"
    for first in fragments:
        for unit in (" ", "a", "0", "-"):
            yield f"{first}{unit * size}\0"


def seconds(pattern: Pattern, text: str, runs: int) -> float:
    """Return the processor time of what the module does with the pattern, the least of some runs."""
    given: Any = text if isinstance(pattern.compiled.pattern, str) else text.encode()
    operations = [getattr(pattern.compiled, name) for name in ("match", "fullmatch") if name in pattern.methods]
    if pattern.methods - {"match", "fullmatch"}:
        operations.append(lambda whole: [None for _ in pattern.compiled.finditer(whole)])
    taken = []
    for _ in range(runs):
        began = time.thread_time()
        for operation in operations:
            operation(given)
        taken.append(time.thread_time() - began)
    return min(taken)


def is_slow(pattern: Pattern, smaller: str, larger: str) -> bool:
    """Return whether the larger text, of 8 times the size, takes far longer; measures again before it is sure."""
    if seconds(pattern, smaller, 1) > TOO_SLOW:
        return True
    for runs in (1, 5):
        after = seconds(pattern, larger, runs)
        if after < SLOW or after < SUPERLINEAR * seconds(pattern, smaller, 5):
            return False
    return True


def is_superlinear(pattern: Pattern, texts: tuple[str, ...]) -> bool:
    """Return whether one of the texts, which grow, takes far longer than the one before."""
    return any(is_slow(pattern, smaller, larger) for smaller, larger in pairwise(texts))


def superlinear_texts(pattern: Pattern) -> Iterator[str]:
    """Yield the pattern's place and the start of each text of 64 KiB that takes far longer than eight of an eighth."""
    source = pattern.compiled.pattern
    texts = [hostile_texts(source if isinstance(source, str) else source.decode(), size) for size in SIZES]
    for row in zip(*texts, strict=True):
        if is_superlinear(pattern, row):
            yield f"{pattern.place}: {row[0][:20]!r}..."


def test_patterns_are_found() -> None:
    """The search finds patterns in their own line, inline, in validators, and of bytes."""
    places = {pattern.place.partition(":")[0] for pattern in all_patterns()}
    assert {
        "webhook_app/translation/profile_key.py",
        "webhook_app/signing/writings.py",
        "schemas/call_fields.py",
    } <= places
    assert {type(pattern.compiled.pattern) for pattern in all_patterns()} == {str, bytes}


@pytest.mark.parametrize(("source", "text"), [(r"\s+$", " "), (r"(?:a.*)b", "a"), (r"a(?=.*c)", "a")])
def test_quadratic_pattern_is_recognised(source: str, text: str) -> None:
    """The measurement distinguishes a quadratic pattern from a linear one."""
    pattern = Pattern("here", re.compile(source), frozenset({"search"}))
    found = [is_slow(pattern, (text * before) + "!", (text * after) + "!") for before, after in pairwise(SIZES[:2])]
    assert any(found)


def test_every_pattern_is_linear() -> None:
    """No hostile text of 64 KiB takes far longer than eight texts of an eighth."""
    assert not [slow for pattern in all_patterns() for slow in superlinear_texts(pattern)]
