"""The command line: what it says, and its exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.arrivals import claim_one
from tests.recorded import EVERY
from webhook_app.cli import main
from webhook_app.inbox import Arrival, Inbox, Settlement, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Result]

ORDER = next(one for one in EVERY if one.name == "shopify/orders_create__note-attributes")
SHOP = """
[shops.acme]
platform = "shopify"
secrets = ["secret"]
instance_key = "1234abcd"
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Run:
    for name in ("SHOPS_FILE", "PORT", "TWEAKWISE_URL", "DYNO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", SHOP)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.fixture
def stored(run: Run, inbox: Inbox) -> Inbox:
    """An inbox with one ignored and one received delivery."""
    for identity in ("first", "second"):
        inbox.keep(Arrival("acme", "shopify", "orders/create", identity, "acme.example", {"x-a": "b"}, ORDER.body))
    first = claim_one(inbox)
    inbox.settle([Settlement(first, State.IGNORED, "no_profile", "A guest's order.")])
    return inbox


def test_help_names_every_command(run: Run) -> None:
    """--help is a way in."""
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.output for name in main.commands)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help(run: Run, name: str) -> None:
    """Each command says what it does, in a sentence that ends."""
    result = run(name, "--help")
    assert result.exit_code == 0
    assert main.commands[name].help
    assert str(main.commands[name].help).splitlines()[0].rstrip().endswith(".")


def test_check_says_url_and_topics(run: Run) -> None:
    """A sound configuration: for each shop what to paste where."""
    result = run("check", "--url", "https://events.example.com/")
    assert result.exit_code == 0
    assert "https://events.example.com/webhooks/shopify/acme" in result.output
    assert "orders/create, orders/paid, orders/updated" in result.output
    assert "customers/redact" not in result.output


@pytest.mark.parametrize("command", ["check", "run", "web", "worker", "send-sample shopify orders/create"])
def test_all_faults_are_reported_together(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Faults of settings and of shops come in one list, each with what to change."""
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("SHOPS", SHOP.replace("shopify", "shopfy"))
    result = run(*command.split())
    assert result.exit_code == 1
    assert "PORT:" in result.output
    assert "SHOPS:3: shops.acme.platform" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["run", "web", "worker", "check"])
def test_no_shop_no_start(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Without any shop nothing starts, and the way out is said."""
    monkeypatch.delenv("SHOPS")
    monkeypatch.chdir(tmp_path)
    result = run(name)
    assert result.exit_code == 1
    assert "shops.toml" in result.output


@pytest.mark.parametrize("name", ["web", "worker"])
def test_split_dynos_need_a_shared_database(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """On Heroku, web and worker apart would lose every event on SQLite: they refuse."""
    monkeypatch.setenv("DYNO", "web.1")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///var/inbox.db")
    result = run(name)
    assert result.exit_code == 1
    assert "do not share a disk" in result.output


def test_sandbox_refuses_shops_that_go_elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events meant for the sandbox never reach a shop's own Tweakwise address."""
    monkeypatch.setenv("SHOPS", SHOP + 'tweakwise_url = "https://elsewhere.example"\n')
    result = run("run", "--sandbox")
    assert result.exit_code == 1
    assert "acme" in result.output


def test_migrate_twice(run: Run) -> None:
    """The second time there is nothing to do."""
    assert "Migrated" in run("migrate").output
    again = run("migrate")
    assert again.exit_code == 0
    assert "Nothing to do" in again.output


def test_list_without_database_is_a_sentence(run: Run) -> None:
    """A missing database is said, not traced."""
    result = run("list")
    assert result.exit_code == 1
    assert "migrate" in result.output
    assert "Traceback" not in result.output


def test_list_shows_states_and_counts(run: Run, stored: Inbox) -> None:
    """The newest first, with state and reason, and the count of all."""
    lines = run("list").output.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["2", "1"]
    assert "no_profile" in lines[1]
    assert lines[2] == "In all: 1 received, 1 ignored"


def test_list_as_json(run: Run, stored: Inbox) -> None:
    """One object a line, for other programs."""
    [record] = [json.loads(line) for line in run("list", "--json", "--state", "ignored").output.splitlines()]
    assert (record["id"], record["reason"]) == (1, "no_profile")
    assert record["received_at"].endswith("Z")


def test_show_tells_why(run: Run, stored: Inbox) -> None:
    """One delivery with its reason as a sentence, without its body."""
    output = run("show", "1").output
    assert "ignored: no_profile" in output
    assert "A guest's order." in output
    assert "line_items" not in output


def test_show_body_on_request(run: Run, stored: Inbox) -> None:
    """The raw body is shown to whoever asks for it by name."""
    assert "line_items" in run("show", "1", "--body").output


def test_show_unknown(run: Run, stored: Inbox) -> None:
    """A number that does not exist is a sentence and exit code 1."""
    result = run("show", "99")
    assert (result.exit_code, result.output) == (1, "Error: There is no delivery 99.\n")


def test_replay(run: Run, stored: Inbox) -> None:
    """An ignored delivery is put back in line; what cannot be replayed is said, with exit code 1."""
    assert run("replay", "1").exit_code == 0
    assert stored.get(1).state == State.RECEIVED
    result = run("replay", "1", "99")
    assert result.exit_code == 1
    assert "99: there is no such delivery" in result.output


def test_platforms_lists_and_explains(run: Run) -> None:
    """What is supported, and one platform in full."""
    assert "shopify" in run("platforms").output
    output = run("platforms", "woocommerce").output
    assert "order.created" in output
    assert "Secret:" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ("platforms", "nope"),
        ("send-sample", "nope", "orders/create"),
        ("send-sample", "shopify", "nope"),
        ("send-sample", "shopify", "orders/create", "--url", "http://127.0.0.1:9/x"),
        ("show", "one"),
        ("nope",),
    ],
)
def test_misunderstood_is_exit_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    """A wrong word gets exit code 2 and what would have been right."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error:" in result.output


def test_send_sample_to_nobody(run: Run) -> None:
    """When nothing answers, that is said, with exit code 1."""
    result = run("send-sample", "shopify", "orders/create", "--url", "http://127.0.0.1:9/", "--secret", "s")
    assert result.exit_code == 1
    assert "does not answer" in result.output


def test_send_sample_without_such_a_shop(run: Run) -> None:
    """A platform without a configured shop is said."""
    result = run("send-sample", "woocommerce", "order.created")
    assert result.exit_code == 1
    assert "No WooCommerce shop is configured" in result.output
