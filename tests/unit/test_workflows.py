"""What GitHub runs and asks: the workflows run what developers run, and every form can be read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = [path for path in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
HOOKS = ROOT / ".pre-commit-config.yaml"
ACTIONLINT = Path(sys.executable).with_name("actionlint")


def steps(workflow: str) -> list[str]:
    """Every command that a workflow runs."""
    jobs: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows" / workflow).read_text("utf-8"))["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def test_ci_runs_what_developers_run() -> None:
    """The workflow of each push calls .ci/run, which calls make lint, make sbom and make test."""
    assert ".ci/run" in steps("ci.yml")
    called = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    assert {"make lint", "make sbom", "make test"} <= set(called)


def test_dependencies_are_checked_every_week() -> None:
    """The weekly workflow looks for known vulnerabilities, and tests the newest versions."""
    assert any("pip-audit" in step for step in steps("dependencies.yml"))
    assert ".ci/run" in steps("dependencies.yml")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(workflow: Path) -> None:
    """A tag can be moved to other code, a commit cannot; the version stands beside it."""
    used = re.findall(r"uses: (.+)$", workflow.read_text("utf-8"), flags=re.MULTILINE)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", one)] == []


def test_workflows_pass_actionlint() -> None:
    """The linter of workflows finds nothing."""
    linted = subprocess.run([ACTIONLINT, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_every_form_can_be_shown(form: Path) -> None:
    """An issue form has what GitHub needs to show it, and a label and a name of its own for each field."""
    read = yaml.safe_load(form.read_text("utf-8"))
    assert read["name"]
    assert read["description"]
    fields = [field for field in read["body"] if field["type"] != "markdown"]
    assert all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)


def test_every_hook_is_a_linter_that_is_installed() -> None:
    """The hooks call programs that requirements-dev.txt installs."""
    hooks = [hook for repo in yaml.safe_load(HOOKS.read_text("utf-8"))["repos"] for hook in repo["hooks"]]
    programs = {Path(hook["entry"].split()[0]).name for hook in hooks}
    assert programs == {"ruff", "mypy", "lint-imports", "python"}
