"""Rules that every test keeps: modules stand alone, and nothing reaches into the private parts of the product."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.tables import for_each

TESTS = Path(__file__).parents[1]
MODULES = sorted(TESTS.rglob("*.py"))
SUPPORT = [path for path in MODULES if "support" in path.parts or path.name == "conftest.py"]


def named(path: Path) -> str:
    """Return a module's path for messages."""
    return str(path.relative_to(TESTS))


@cache
def parsed(path: Path) -> ast.Module:
    """Return the module's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes_by_type(path: Path) -> dict[type[ast.AST], list[Any]]:
    """Return the nodes of the module's syntax tree; walking it takes longer than any rule."""
    found: dict[type[ast.AST], list[Any]] = {}
    for node in ast.walk(parsed(path)):
        found.setdefault(type(node), []).append(node)
    return found


def nodes(path: Path, kind: type[ast.AST]) -> list[Any]:
    """Return the nodes of one type."""
    return nodes_by_type(path).get(kind, [])


def imported(path: Path) -> set[str]:
    """Return every module that it imports, and every name out of one, dotted."""
    names = {alias.name for node in nodes(path, ast.Import) for alias in node.names}
    return names | {f"{node.module}.{alias.name}" for node in nodes(path, ast.ImportFrom) for alias in node.names}


@for_each("path", MODULES, ids=named)
def test_no_module_imports_a_test(path: Path) -> None:
    """What two test modules need is in tests/support."""
    parts = [name.split(".") for name in imported(path) if name.startswith("tests.")]
    assert not [".".join(each) for each in parts if any(part.startswith("test_") for part in each)]


def own_names(path: Path) -> set[str]:
    """Return the attributes that classes of this module define: those are not the product's."""
    names = {node.name for node in nodes(path, ast.FunctionDef)}
    return names | {node.attr for node in private_attributes(path) if ast.unparse(node.value) in ("self", "cls")}


def private_attributes(path: Path) -> list[ast.Attribute]:
    """Return every use of an attribute whose name begins with one underscore."""
    attributes = nodes(path, ast.Attribute)
    return [node for node in attributes if node.attr.startswith("_") and not node.attr.startswith("__")]


@for_each("path", MODULES, ids=named)
def test_no_test_uses_a_private_attribute(path: Path) -> None:
    """A test that reads or sets `thing._part` breaks when the inside changes, and not when the behaviour does."""
    known = own_names(path)
    assert not [
        f"line {node.lineno}: {ast.unparse(node)}" for node in private_attributes(path) if node.attr not in known
    ]


@for_each("path", MODULES, ids=named)
def test_no_test_patches_a_private_name(path: Path) -> None:
    """The same for monkeypatch.setattr(module, "_name", ...) and private names that are imported."""
    calls = [node for node in nodes(path, ast.Call) if len(node.args) > 1]
    patched = [node.args[1] for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "setattr"]
    words = [node.value for node in patched if isinstance(node, ast.Constant)]
    words += [name.rpartition(".")[2] for name in imported(path) if name.startswith(("webhook_app.", "schemas."))]
    assert not [word for word in words if str(word).startswith("_") and not str(word).startswith("__")]


@for_each("path", SUPPORT, ids=named)
def test_support_is_documented(path: Path) -> None:
    """Modules and classes that tests share have a docstring."""
    assert ast.get_docstring(parsed(path))
    assert not [node.name for node in nodes(path, ast.ClassDef) if not ast.get_docstring(node)]


def fixtures(path: Path) -> list[ast.FunctionDef]:
    """Return the functions that pytest hands to tests."""
    functions = nodes(path, ast.FunctionDef)
    return [node for node in functions if any("fixture" in ast.unparse(each) for each in node.decorator_list)]


@for_each("path", MODULES, ids=named)
def test_fixtures_are_documented(path: Path) -> None:
    """`pytest --fixtures` says what each is."""
    assert not [node.name for node in fixtures(path) if not ast.get_docstring(node)]
