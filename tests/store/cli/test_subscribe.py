"""The command subscribe, and what check and doctor say about the credentials of an API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import woocommerce_api as api
from tests.support.sources import commands_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    Run = Callable[..., Result]

HERE = "https://r.example/webhooks/woocommerce/acme"


def hook(number: int, topic: str, url: str = HERE, status: str = "active") -> api.Row:
    return {"id": number, "topic": topic, "delivery_url": url, "status": status}


@pytest.fixture
def shop() -> api.Shop:
    """A shop without orders."""
    return api.Shop()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, shop: api.Shop) -> Iterator[Run]:
    """Call a command for a shop whose API is served."""
    with commands_for(monkeypatch, sqlite_url, shop) as run_command:
        yield run_command


def test_webhooks_are_created_enabled_and_corrected(run: Run, shop: api.Shop) -> None:
    """The second run changes nothing; webhooks of others are left alone, and doubles are named."""
    other = hook(9, "order.created", "https://r.example/webhooks/woocommerce/other", "disabled")
    moved = hook(1, "order.updated", "http://old.example/webhooks/woocommerce/acme/", "disabled")
    shop.webhooks = {9: other, 1: moved}
    arguments = ["subscribe", "--shop", "acme", "--url", "https://r.example/"]
    before = run(*arguments, "--check")
    assert before.exit_code == 1
    assert "order.created  missing" in before.output
    assert "order.updated  at another address: http://old.example/webhooks/woocommerce/acme/" in before.output
    assert "Without --check" in before.output
    assert len(shop.webhooks) == 2
    assert run(*arguments).exit_code == 0
    made = {one["topic"]: one for one in shop.webhooks.values() if one["id"] != 9}
    assert {one["delivery_url"] for one in made.values()} == {HERE}
    assert {(one["status"], one["secret"]) for one in made.values()} == {("active", "a-secret")}
    assert shop.webhooks[9] == hook(9, "order.created", "https://r.example/webhooks/woocommerce/other", "disabled")
    assert run(*arguments, "--check").exit_code == 0
    shop.webhooks[20] = hook(20, "order.created")
    assert "a second one" in run(*arguments, "--check").output
    run(*arguments)
    assert len(shop.webhooks) == 4


def test_a_key_that_may_only_read_is_named(run: Run, shop: api.Shop) -> None:
    """The permission to give is in the message."""
    refusal = api.error("woocommerce_rest_authentication_error", 401)
    shop.before = lambda request: refusal if request.method == "POST" else None
    done = run("subscribe", "--shop", "acme", "--url", "https://r.example")
    assert (done.exit_code, "api_scope_missing" in done.output, "Read/Write" in done.output) == (1, True, True)


@pytest.mark.parametrize("command", ["subscribe", "check", "doctor", "make-app"])
def test_the_address_is_that_of_the_receiver(run: Run, shop: api.Shop, command: str) -> None:
    """One without https://, and a whole webhook URL, would make webhooks that go nowhere."""
    shop.webhooks = {1: hook(1, "order.created")}
    arguments = [command, *(["--shop", "acme"] if command == "subscribe" else [])]
    for wrong in ("r.example", "ftp://r.example", HERE, "https://user:geheim@r.example", "https://r.example/?a=b", "/"):
        refused = run(*arguments, "--url", wrong)
        assert (refused.exit_code, "https://events.example.com" in refused.output) == (2, True), wrong
    assert [one["delivery_url"] for one in shop.webhooks.values()] == [HERE]


def test_the_address_is_needed(run: Run) -> None:
    """Without --url and PUBLIC_URL nothing is asked."""
    assert "public address" in run("subscribe", "--shop", "acme").output


def test_check_and_doctor_say_whether_the_credentials_work(run: Run, shop: api.Shop) -> None:
    """With the table to change."""
    assert "the credentials of its API work" in run("check").output
    assert "shops.acme.api: the platform's list of orders can be read" in run("doctor").output
    shop.before = lambda _: api.error("woocommerce_rest_cannot_view", 401)
    for command in ("check", "doctor"):
        output = " ".join(run(command).output.split())
        assert "shops.acme.api: api_scope_missing" in output
        assert "it needs the permission Read" in output
