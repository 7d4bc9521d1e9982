"""How commands are found, grouped and explained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import webhook_app
from tests.support import processes
from webhook_app.cli import commands
from webhook_app.cli.commands import all_commands

if TYPE_CHECKING:
    from tests.support.commands import Run

CLI = Path(commands.__file__).parent
SHOWN = [name for name, command in all_commands().items() if not command.hidden]
IMPORTED = "import sys; from webhook_app.cli import commands; commands.load('show'); print('flask' in sys.modules)"
SERVING = """
import sys, webhook_app.app, webhook_app.dashboard.registration, webhook_app.worker_factory
print({"alembic", "mako", "requests", "urllib3"} & set(sys.modules))
"""
RUNNING = """
import sys
before = set(sys.modules)  # coverage loads some, where it measures this
from webhook_app.cli import commands
commands.load("run")
print({"sqlalchemy", "flask", "gevent", "gunicorn", "requests", "pycurl"} & {*sys.modules} - before)
"""
# The name of each module that is loaded, in this order, is printed with what it took.
WEB = [
    sys.executable,
    "-X",
    "importtime",
    "-c",
    """
import runpy, sys
from types import SimpleNamespace
# What a start loads, and not all of the code, which is only checked before a reload.
sys.modules["webhook_app.cli.support.whole_code"] = SimpleNamespace(load=lambda: __import__("webhook_app.app"))
sys.argv[1:] = ["web", "--check"]
runpy.run_module("webhook_app", run_name="__main__", alter_sys=True)
""",
]
RUN = [sys.executable, "-X", "importtime", "-m", "webhook_app", "run"]
NOT_AT_A_START = {
    *("alembic", "requests", "urllib3", "pycurl", "prometheus_client", "cryptography", "zxcvbn", "apispec", "psycopg"),
    *(
        "webhook_app.dashboard.registration",
        "webhook_app.delivery.worker",
        "webhook_app.sources",
        "webhook_app.sandbox",
    ),
    *("webhook_app.translation.translate", "webhook_app.doctor", "webhook_app.worker_factory"),
}


def test_every_module_of_a_group_is_a_command() -> None:
    """A new command is one new module: its name is the module's."""
    modules = [path.stem for group in commands.GROUPS for path in (CLI / group).glob("*.py") if path.stem != "__init__"]
    assert sorted(all_commands()) == sorted(name.replace("_", "-") for name in modules)
    assert all(command.name == name for name, command in all_commands().items())


def test_help_lists_every_command_under_a_heading(run: Run) -> None:
    """Each command is on a line of its own, below the heading of its group; `drop` is not listed."""
    lines = run("--help").output.splitlines()
    listed = [
        line.split()[0]
        for line in lines[lines.index("Run the receiver:") :]
        if line.startswith("  ") and line[2] != " "
    ]
    assert sorted(listed) == sorted(SHOWN)
    assert "drop" not in listed
    assert {"Run the receiver:", "Set up and diagnose:", "Deliveries:", "Test:"} <= set(lines)


def test_help_cuts_no_sentence(run: Run) -> None:
    """The first sentence of each command is there as a whole, on lines of at most 80 columns."""
    output = run("--help").output
    assert "..." not in output.replace("[ARGS]...", "")
    assert max(map(len, output.splitlines())) <= 80
    text = " ".join(output.split())
    assert [name for name in SHOWN if first_sentence(name) not in text] == []


def first_sentence(name: str) -> str:
    return f"{' '.join(str(all_commands()[name].help).split()).split('. ')[0].rstrip('.')}."


@pytest.mark.parametrize("name", sorted(all_commands()))
def test_every_command_has_help(run: Run, name: str) -> None:
    """Its first paragraph is one or more whole sentences, and nothing is wider than a terminal."""
    result = run(name, "--help")
    assert result.exit_code == 0
    assert str(all_commands()[name].help).split("\n\n")[0].rstrip().endswith(".")
    examples = [line for line in result.output.splitlines() if line.startswith(f"  {name} ")]
    assert max(len(line) for line in result.output.splitlines() if line not in examples) <= 80


@pytest.mark.process
def test_a_command_loads_only_what_it_needs() -> None:
    """`show` does not import Flask, which only the receiver and the sandbox need."""
    result = subprocess.run([sys.executable, "-c", IMPORTED], cwd=processes.ROOT, capture_output=True, check=True)
    assert result.stdout == b"False\n"


@pytest.mark.process
def test_web_and_worker_load_only_what_they_use() -> None:
    """Alembic is for a database that has to be migrated, requests for alerts: each takes long to load."""
    result = subprocess.run([sys.executable, "-c", SERVING], cwd=processes.ROOT, capture_output=True, check=True)
    assert result.stdout == b"set()\n"


def test_version(run: Run) -> None:
    """The version is the package's own, in a checkout that is not installed."""
    result = run("--version")
    assert (result.exit_code, result.output.split()[-1]) == (0, webhook_app.__version__)


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("webhook-app stat", ["plain,status"]),
        ("webhook-app dr", []),
        ("webhook-app list --state de", ["plain,delivering", "plain,delivered", "plain,dead"]),
    ],
)
def test_shells_complete_commands_and_values(words: str, completions: list[str]) -> None:
    """A shell that completes `webhook-app` gets commands and values of options; hidden commands are left out."""
    count = str(len(words.split()) - 1)
    env = processes.environment(_WEBHOOK_APP_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count)
    assert processes.command(env=env).stdout.split() == completions


@pytest.mark.process
def test_the_completion_script_is_for_webhook_app() -> None:
    """What bash evaluates completes a program of that name."""
    script = processes.command(env=processes.environment(_WEBHOOK_APP_COMPLETE="bash_source")).stdout
    assert "complete -o nosort -F _webhook_app_completion webhook-app" in script


def test_every_option_has_help() -> None:
    """No option is listed by its name alone."""
    options = [(name, one) for name, command in all_commands().items() for one in command.params]
    assert [(name, one.name) for name, one in options if isinstance(one, click.Option) and not one.help] == []


@pytest.mark.process
def test_run_loads_no_database_and_no_server() -> None:
    """Webhooks that arrive during a restart wait for `run`, which only starts what loads these."""
    result = subprocess.run(
        [sys.executable, "-c", RUNNING], cwd=processes.ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"


@pytest.mark.process
def test_the_receiver_loads_what_it_serves_with() -> None:
    """Nothing else at its start; all once, for all web processes, and after the blocking functions were replaced."""
    env = processes.environment(SHOPS_FILE="shops.demo.toml")
    result = subprocess.run(WEB, cwd=processes.ROOT, env=env, capture_output=True, text=True, check=True)
    loaded = [line.rpartition("|")[2].strip() for line in result.stderr.splitlines()]
    assert NOT_AT_A_START & set(loaded) == set()
    first = loaded.index("gevent.monkey")
    assert [name for name in ("webhook_app.cli", "sqlalchemy", "flask", "ssl") if loaded.index(name) < first] == []


@pytest.mark.process
def test_run_starts_the_receiver_first() -> None:
    """Both load their code at the same time. Where `run` cannot start, the receiver ends too, and prints nothing."""
    env = processes.environment(SHOPS_FILE="missing.toml", PYTHONPROFILEIMPORTTIME="")
    result = subprocess.run(RUN, cwd=processes.ROOT, env=env, capture_output=True, text=True, check=False)
    loaded = [line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time")]
    assert loaded.index("webhook_app.processes.early_start") < loaded.index("click")
    printed = [line for line in result.stderr.splitlines() if not line.startswith("import time")]
    assert (result.returncode, len(printed)) == (1, 2), printed
