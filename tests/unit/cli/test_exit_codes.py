"""What a command prints and returns when it cannot start: 1 for a problem, 2 for wrong usage."""

from __future__ import annotations

import errno
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import processes
from tests.support.commands import SHOP

if TYPE_CHECKING:
    from tests.support.commands import Run


@pytest.mark.parametrize("command", ["check", "run", "web", "worker", "send-sample shopify orders/create"])
def test_all_faults_are_reported_together(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Faults of settings and of shops are in one list, each with what to change."""
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("SHOPS", SHOP.replace("shopify", "shopfy"))
    result = run(*command.split())
    assert result.exit_code == 1
    assert "The configuration has 2 faults:" in result.output
    assert "PORT:" in result.output
    assert "SHOPS:3: shops.acme.platform" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["run", "web", "worker", "check"])
def test_nothing_starts_without_a_shop(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Without any shop nothing starts, and the message names the file to write."""
    monkeypatch.delenv("SHOPS")
    monkeypatch.chdir(tmp_path)
    result = run(name)
    assert result.exit_code == 1
    assert "shops.toml" in result.output


@pytest.mark.parametrize("name", ["web", "worker"])
def test_split_dynos_need_a_shared_database(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """On Heroku, receiver and worker in two dynos would lose every event on SQLite: they refuse to start."""
    monkeypatch.setenv("DYNO", "web.1")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///var/inbox.db")
    result = run(name)
    assert result.exit_code == 1
    assert "do not share a disk" in result.output


def test_the_sandbox_refuses_shops_with_another_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events meant for the sandbox never reach a shop's own Tweakwise address."""
    monkeypatch.setenv("PORT", str(processes.free_port()))
    monkeypatch.setenv("SHOPS", SHOP + 'tweakwise_url = "https://elsewhere.example"\n')
    result = run("run", "--sandbox", "--sandbox-port", str(processes.free_port()))
    assert result.exit_code == 1
    assert "These shops set tweakwise_url, so the sandbox would not get their events: acme." in result.output


@pytest.mark.parametrize("name", ["PORT", "--sandbox-port"])
def test_a_port_in_use_is_reported(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A port that is in use, or wanted twice, is named before anything starts, with one that is free."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken, free = str(other.getsockname()[1]), str(processes.free_port())
        monkeypatch.setenv("PORT", taken if name == "PORT" else free)
        result = run("dev", "--sandbox-port", free)
    assert result.exit_code == 1
    assert f"Port {taken if name == 'PORT' else free} is in use" in result.output
    assert name in result.output
    assert re.search(r"PORT=\d+$", result.output, re.MULTILINE)


def test_a_missing_database_is_a_message(run: Run) -> None:
    """A database without tables is reported with what to do, without a stack trace."""
    result = run("list")
    assert result.exit_code == 1
    assert "The database is unavailable: " in result.output
    assert "`python -m webhook_app migrate`" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("platforms nope", "there are"),
        ("send-sample", "--all"),
        ("send-sample nope orders/create", "there are"),
        ("send-sample shopify nope", "there are"),
        ("send-sample shopify orders/create --url http://127.0.0.1:9/x", "--secret"),
        ("send-sample --all shopify orders/create", "leave TOPIC out"),
        ("send-sample --all --url http://127.0.0.1:9/", "needs PLATFORM"),
        ("send-sample --all --rate 0", "--rate"),
        ("show one", "NUMBER"),
        ("list --since yesterday", "2026-11-27T09:30:00Z"),
        ("list --fault data --state ignored", "--state"),
        ("tail --until 1h", "`list`"),
        ("replay", "by number"),
        ("replay --state delivered", "'dead'"),
        ("discard", "by number"),
        ("discard 1 --shop acme", "not both"),
        ("status --older-than soon", "15m"),
        ("match --feed x --shop nope", "there are acme"),
        ("dev --tunnel-url https://a.example", "need --tunnel"),
        ("nope", "No such command"),
    ],
)
def test_wrong_usage_is_exit_code_2(run: Run, arguments: str, hint: str) -> None:
    """Wrong usage is explained by what would be right."""
    result = run(*arguments.split())
    assert result.exit_code == 2
    assert "Error:" in result.output
    assert hint in result.output


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("dev --tunnel ssh", "--tunnel-host"),
        ("dev --tunnel ssh --tunnel-host -oProxyCommand=x", "--tunnel-host: expected"),
        ("dev --tunnel cloudflared --tunnel-url https://a.example", "assigns the address itself"),
        ("send-sample --all --shop unknown", "No such shop"),
        ("send-sample woocommerce order.created", "No WooCommerce shop is configured"),
        ("send-sample shopify orders/create --url http://127.0.0.1:9/ --secret s", "does not answer"),
        ("alert --test", "ALERT_URL is not set"),
    ],
)
def test_a_problem_is_exit_code_1(run: Run, arguments: str, hint: str) -> None:
    """A problem outside the command line is explained by its cause."""
    result = run(*arguments.split())
    assert result.exit_code == 1
    assert hint in result.output
    assert "Traceback" not in result.output


def test_file_that_may_not_be_used_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a backup into a folder of root: root's tests may do all, so only the system's answer is made up."""

    def refused(path: Path, **_: object) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refused)
    result = run("backup", "/root/inbox.db")
    assert result.exit_code == 1
    assert "Error: /root/inbox.db cannot be used: " in result.output
