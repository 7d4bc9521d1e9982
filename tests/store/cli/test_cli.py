"""The command line: what it says, and its exit codes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.support.deliveries import arrival, claim, claim_one, open_breaker, settle
from tests.support.recordings import ORDER
from webhook_app.cli import main
from webhook_app.cli.commands import all_commands
from webhook_app.cli.support.param_types import PointInTime
from webhook_app.delivery.causes import TITLES, Cause
from webhook_app.inbox import Inbox, NewDelivery, Settlement, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Result]

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
        inbox.store(NewDelivery("acme", "shopify", "orders/create", identity, "acme.example", {"x-a": "b"}, ORDER.body))
    first = claim_one(inbox)
    inbox.settle([Settlement(first, State.IGNORED, "no_profile", "A guest's order.")])
    return inbox


@pytest.fixture
def dead(run: Run, inbox: Inbox) -> Inbox:
    """An inbox with two dead deliveries, one by a bug and one by invalid data, and one received."""
    for identity in ("first", "second"):
        inbox.store(arrival(identity))
    for delivery, reason in zip(claim(inbox, 2), ("translation_error", "http_422"), strict=True):
        settle(inbox, delivery, State.DEAD, reason=reason)
    inbox.store(arrival("third"))
    return inbox


def test_help_names_every_command(run: Run) -> None:
    """--help is a way in."""
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.output for name, command in all_commands().items() if not command.hidden)


@pytest.mark.parametrize("name", sorted(all_commands()))
def test_every_command_has_help(run: Run, name: str) -> None:
    """Each command says what it does, in a sentence that ends."""
    result = run(name, "--help")
    assert result.exit_code == 0
    assert all_commands()[name].help
    assert str(all_commands()[name].help).splitlines()[0].rstrip().endswith(".")


def test_check_says_url_and_topics(run: Run) -> None:
    """A sound configuration: for each shop what to paste where."""
    result = run("check", "--url", "https://events.example.com/")
    assert result.exit_code == 0
    assert "https://events.example.com/webhooks/shopify/acme" in result.output
    assert "https://events.example.com/storefront/shopify/acme" in result.output
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
    assert lines[2] == "Total: 1 received, 1 ignored"


def test_list_as_json(run: Run, stored: Inbox) -> None:
    """One object a line, for other programs."""
    [record] = [json.loads(line) for line in run("list", "--json", "--state", "ignored").output.splitlines()]
    assert (record["id"], record["reason"]) == (1, "no_profile")
    assert record["received_at"].endswith("Z")


@pytest.mark.parametrize(("fault", "numbers"), [("ours", [1]), ("theirs", []), ("data", [2])])
def test_list_by_fault(run: Run, dead: Inbox, fault: str, numbers: list[int]) -> None:
    """Dead deliveries are found by cause."""
    records = [json.loads(line) for line in run("list", "--fault", fault, "--json").output.splitlines()]
    assert [record["id"] for record in records] == numbers
    assert all(record["fault"] == fault for record in records)


@pytest.mark.parametrize(
    ("since", "found"), [("2020-01-01", True), ("2020-01-01T10:00:00+02:00", True), ("2100-01-01T00:00:00Z", False)]
)
def test_list_since(run: Run, stored: Inbox, since: str, found: bool) -> None:
    """A time is written in ISO 8601."""
    assert bool(run("list", "--json", "--since", since).output) is found
    assert bool(run("list", "--json", "--until", since).output) is not found


@pytest.mark.parametrize(("age", "seconds"), [("90s", 90), ("15m", 900), ("24h", 86400), ("2w", 14 * 86400)])
def test_a_time_may_be_an_age(age: str, seconds: int) -> None:
    """A time may also be said as how long ago it was."""
    assert PointInTime().convert(age, None, None) == pytest.approx((time.time() - seconds) * 1000, abs=5000)


def test_show_tells_whose_fault(run: Run, dead: Inbox) -> None:
    """Of a dead delivery it is said who can mend it; of another one, nothing."""
    assert f"cause         {TITLES[Cause.DATA]}" in run("show", "2").output
    assert "cause" not in run("show", "3").output


def test_show_tells_why(run: Run, stored: Inbox) -> None:
    """One delivery with its reason as a sentence, without its body."""
    output = run("show", "1").output
    assert "ignored: No profile key (no_profile)" in output
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


def test_replay_of_many_counts_first(run: Run, dead: Inbox) -> None:
    """A dry run says what would happen, and nothing happens."""
    result = run("replay", "--shop", "acme", "--dry-run")
    assert (result.exit_code, result.output) == (0, "Dry run: 2 of 2 deliveries would be queued again.\n")
    assert dead.counts() == {"dead": 2, "received": 1}


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--state", "dead"], [1, 2]),
        (["--fault", "ours"], [1]),
        (["--reason", "http_422"], [2]),
        (["--topic", "orders/paid"], []),
    ],
)
def test_replay_selects(run: Run, dead: Inbox, options: list[str], numbers: list[int]) -> None:
    """Options choose among the dead."""
    assert run("replay", *options).exit_code == 0
    replayed = [number for number in (1, 2) if dead.get(number).state == State.RECEIVED]
    assert replayed == numbers


def test_replay_says_what_has_no_body(run: Run, inbox: Inbox) -> None:
    """A delivery whose body was wiped is counted apart."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile", wipes=True)
    output = run("replay", "--reason", "no_profile").output
    assert output.startswith("0 of 1 delivery queued again.\n1 cannot be: the body was wiped")


def test_replay_keeps_to_its_rate(run: Run, dead: Inbox) -> None:
    """Two at two a second take a second."""
    began = time.monotonic()
    assert run("replay", "--state", "dead", "--rate", "2").exit_code == 0
    assert 0.9 < time.monotonic() - began < 10


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 450), ("", 450)])
@pytest.mark.parametrize("command", ["replay", "discard"])
def test_many_are_asked_for(run: Run, inbox: Inbox, command: str, answer: str, left: int) -> None:
    """More than a hundred are changed only after a yes, however many steps it takes."""
    for number in range(450):
        inbox.store(arrival(str(number)))
    inbox.settle([Settlement(delivery, State.DEAD, "unreadable") for delivery in claim(inbox, 450)])
    result = CliRunner().invoke(main, [command, "--fault", "data"], input=answer)
    assert result.exit_code == (1 if left else 0)
    assert "450 of 450 deliveries will be" in result.output
    assert inbox.counts().get("dead", 0) == left


def test_yes_is_not_asked(run: Run, inbox: Inbox) -> None:
    """A script answers beforehand."""
    for number in range(101):
        inbox.store(arrival(str(number)))
    assert run("discard", "--state", "received", "--yes").exit_code == 0
    assert inbox.counts() == {"ignored": 101}


def test_drop(run: Run, dead: Inbox) -> None:
    """A dead delivery is given up by number; what is under way or unknown is said, with exit code 1."""
    assert run("drop", "1").output == "1: discarded\n"  # its name in earlier versions
    assert dead.get(1).reason == "dropped"
    result = run("discard", "2", "99")
    assert result.exit_code == 1
    assert "99: there is no such delivery" in result.output


def test_drop_leaves_what_is_to_be_sent(run: Run, dead: Inbox) -> None:
    """Received ones are given up only where they are asked for by their state."""
    run("discard", "--shop", "acme")
    assert dead.counts() == {"ignored": 2, "received": 1}
    run("discard", "--shop", "acme", "--state", "received")
    assert dead.counts() == {"ignored": 3}


def test_list_says_what_is_held_up(run: Run, dead: Inbox) -> None:
    """An open breaker of a shop that is listed is said, and of no other one."""
    for shop in ("acme", "other"):
        open_breaker(dead, shop)
    output = run("list").output
    assert "shop acme: circuit breaker " in output
    assert "the instance key was refused (http_401)" in output
    assert "other" not in output


def test_status_counts(run: Run, dead: Inbox) -> None:
    """Counts by state, causes of dead deliveries, and unfinished deliveries by shop."""
    lines = [line.split() for line in run("status").output.splitlines()]
    assert ["dead", "2"] in lines
    assert ["a", "bug", "in", "the", "receiver", "1"] in lines
    assert ["invalid", "data", "1"] in lines
    assert ["acme", "1"] in [line[:2] for line in lines]


def test_status_as_json(run: Run, dead: Inbox) -> None:
    """The same as one object, for other programs."""
    record = json.loads(run("status", "--json").output)
    assert record["states"]["dead"] == 2
    assert record["dead"] == {"ours": 1, "theirs": 0, "data": 1}
    assert [(shop["shop"], shop["count"]) for shop in record["unfinished"]] == [("acme", 1)]


def test_status_of_nothing(run: Run, inbox: Inbox) -> None:
    """Nothing was received, and nothing is wrong."""
    result = run("status", "--check")
    assert (result.exit_code, result.output) == (0, "nothing yet\n")


def test_check_finds_the_dead(run: Run, dead: Inbox) -> None:
    """Without --check the exit code is 0 whatever is wrong; with it, 1 and what it is."""
    assert run("status").exit_code == 0
    result = run("status", "--check")
    assert result.exit_code == 1
    assert "2 dead" in result.output.splitlines()[-1]


def test_check_finds_an_open_breaker(run: Run, inbox: Inbox) -> None:
    """Nothing is dead and nothing waits, but calls are held up."""
    open_breaker(inbox, "acme")
    result = run("status", "--check")
    assert result.exit_code == 1
    assert "the breaker of shop acme is open" in result.output


@pytest.mark.parametrize(("older_than", "code"), [("1h", 1), ("3h", 0)])
def test_check_finds_what_is_old(run: Run, inbox: Inbox, older_than: str, code: int) -> None:
    """An event that nobody takes up becomes an alarm when it is as old as was said."""
    inbox.store(arrival(received_at=int((time.time() - 2 * 3600) * 1000)))
    assert run("status", "--check", "--older-than", older_than).exit_code == code


def test_export_leaves_personal_data_out(run: Run, stored: Inbox) -> None:
    """A line of JSON for each, the oldest first, with nothing of the webhook itself."""
    result = run("export", "--shop", "acme")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["id"] for record in records] == [1, 2]
    assert "line_items" not in result.stdout
    assert not {"headers", "body", "body_base64"} & set(records[0])


@pytest.mark.parametrize(
    ("body", "key", "written"), [(b'{"a": "\xc3\xa9"}', "body", '{"a": "é"}'), (b"\xff", "body_base64", "/w==")]
)
def test_export_of_personal_data(run: Run, inbox: Inbox, body: bytes, key: str, written: str) -> None:
    """Who asks by name gets headers and body, as text where it is text."""
    inbox.store(arrival(body=body))
    [record] = [json.loads(line) for line in run("export", "1", "--personal").stdout.splitlines()]
    assert record[key] == written
    assert record["headers"] == {"x-shopify-topic": "orders/create"}


def test_export_of_a_wiped_body(run: Run, inbox: Inbox) -> None:
    """What was wiped is null."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DELIVERED, wipes=True)
    record = json.loads(run("export", "1", "--personal").stdout)
    assert (record["state"], record["headers"], record["body"]) == ("delivered", None, None)


def test_export_into_a_file(run: Run, stored: Inbox, tmp_path: Path) -> None:
    """The file is for its owner alone, and none is written over."""
    path = tmp_path / "events.jsonl"
    assert run("export", "--state", "ignored", "--out", str(path)).exit_code == 0
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [1]
    assert path.stat().st_mode & 0o777 == 0o600
    again = run("export", "--out", str(path))
    assert again.exit_code == 1
    assert "File exists" in again.output


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
        ("list", "--since", "yesterday"),
        ("replay",),
        ("discard",),
        ("status", "--older-than", "soon"),
        ("discard", "1", "--shop", "acme"),
        ("replay", "--state", "delivered"),
        ("list", "--fault", "data", "--state", "ignored"),
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
