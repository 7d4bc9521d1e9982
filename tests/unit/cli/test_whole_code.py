"""What a reload loads before it is accepted."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import LONGEST, ROOT
from webhook_app.cli.support import whole_code

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_EXTRAS = """
import sys
from webhook_app.cli.support import whole_code
sys.modules |= dict.fromkeys(["apprise", "opentelemetry", "sentry_sdk"])
whole_code.load()
"""


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        ("webhook_app/delivery/worker.py", "def broken(:", SyntaxError),
        ("schemas/shopify.py", "from webhook_app import missing", ImportError),
        ("webhook_app/inbox/migrations/versions/0001_x.py", "def broken(:", SyntaxError),
        ("gunicorn.conf.py", "from webhook_app import missing", ImportError),
    ],
)
def test_code_that_cannot_be_loaded_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, text: str, error: type[Exception]
) -> None:
    """Wherever it is: in a module that is loaded late, in a migration, in the web server's configuration."""
    (tmp_path / "gunicorn.conf.py").touch()
    written = tmp_path / file
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(text)
    monkeypatch.setattr(whole_code, "ROOT", tmp_path)
    monkeypatch.setattr(whole_code, "SERVER", tmp_path / "gunicorn.conf.py")
    monkeypatch.setattr(whole_code, "import_module", lambda name: execute(tmp_path / f"{name.replace('.', '/')}.py"))
    with pytest.raises(error):
        whole_code.load()


def execute(path: Path) -> None:
    exec(compile(path.read_bytes(), path, "exec"), {})


@pytest.mark.process
def test_all_code_of_this_program_can_be_loaded() -> None:
    """Or no reload would ever be accepted; also where nothing that only extras need is installed."""
    subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS], cwd=ROOT, check=True, timeout=LONGEST)
