"""Rules that every test keeps: modules stand alone, and nothing reaches into the private parts of the product."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODULES = sorted(TESTS.rglob("*.py"))
SUPPORT = [path for path in MODULES if "support" in path.parts or path.name == "conftest.py"]


def named(paths: list[Path]) -> list[str]:
    """Return names for test ids."""
    return [str(path.relative_to(TESTS)) for path in paths]


@cache
def parsed(path: Path) -> ast.Module:
    """Return the module's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """Return every module that it imports, and every name out of one, dotted."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=named(MODULES))
def test_no_module_imports_a_test(path: Path) -> None:
    """What two test modules need is in tests/support."""
    parts = [name.split(".") for name in imported(parsed(path)) if name.startswith("tests.")]
    assert not [".".join(each) for each in parts if any(part.startswith("test_") for part in each)]


def own_names(tree: ast.Module) -> set[str]:
    """Return the attributes that classes of this module define: those are not the product's."""
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return names | {node.attr for node in private_attributes(tree) if ast.unparse(node.value) in ("self", "cls")}


def private_attributes(tree: ast.Module) -> list[ast.Attribute]:
    """Return every use of an attribute whose name begins with one underscore."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return [node for node in nodes if node.attr.startswith("_") and not node.attr.startswith("__")]


@pytest.mark.parametrize("path", MODULES, ids=named(MODULES))
def test_no_test_uses_a_private_attribute(path: Path) -> None:
    """A test that reads or sets `thing._part` breaks when the inside changes, and not when the behaviour does."""
    tree = parsed(path)
    known = own_names(tree)
    assert not [
        f"line {node.lineno}: {ast.unparse(node)}" for node in private_attributes(tree) if node.attr not in known
    ]


@pytest.mark.parametrize("path", MODULES, ids=named(MODULES))
def test_no_test_patches_a_private_name(path: Path) -> None:
    """The same for monkeypatch.setattr(module, "_name", ...) and private names that are imported."""
    calls = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    patched = [node.args[1] for node in calls if ast.unparse(node.func).endswith(".setattr") and len(node.args) > 1]
    words = [node.value for node in patched if isinstance(node, ast.Constant)]
    words += [
        name.rpartition(".")[2] for name in imported(parsed(path)) if name.startswith(("webhook_app.", "schemas."))
    ]
    assert not [word for word in words if str(word).startswith("_") and not str(word).startswith("__")]


@pytest.mark.parametrize("path", SUPPORT, ids=named(SUPPORT))
def test_support_is_documented(path: Path) -> None:
    """Modules and classes that tests share have a docstring."""
    tree = parsed(path)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert ast.get_docstring(tree)
    assert not [node.name for node in classes if not ast.get_docstring(node)]


def fixtures(tree: ast.Module) -> list[ast.FunctionDef]:
    """Return the functions that pytest hands to tests."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [node for node in functions if any("fixture" in ast.unparse(each) for each in node.decorator_list)]


@pytest.mark.parametrize("path", MODULES, ids=named(MODULES))
def test_fixtures_are_documented(path: Path) -> None:
    """`pytest --fixtures` says what each is."""
    assert not [node.name for node in fixtures(parsed(path)) if not ast.get_docstring(node)]
