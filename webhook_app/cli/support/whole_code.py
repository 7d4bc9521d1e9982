"""Loads the whole program, so that a reload is refused where any of its code cannot be loaded.

Receiver and worker load much of it only where it is used: a page, an alert rule, a platform's API.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ("schemas", "webhook_app")
SERVER = ROOT / "gunicorn.conf.py"
MIGRATIONS = "migrations"  # the folder of what Alembic runs


def load() -> None:
    """Import every module, and what migrations and gunicorn's configuration import. Raises what that raises."""
    for file in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("[!.]*.py")):
        if MIGRATIONS in file.parts:
            _run_imports(file)
        else:
            import_module(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    _run_imports(SERVER)


def _run_imports(path: Path) -> None:
    """Run the imports of a file that does more, once all of it was parsed."""
    tree = ast.parse(path.read_bytes(), path)
    tree.body = [one for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)]
    exec(compile(tree, path, "exec"), {})  # noqa: S102 - our own file
