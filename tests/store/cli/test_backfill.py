"""The commands backfill and reconcile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support import woocommerce_api as api
from tests.support.sources import SHOP, commands_for, deliver, order
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.shop_records import platform_orders, reconciliations
from webhook_app.time_units import HOUR, now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from webhook_app.inbox import Inbox

    Run = Callable[..., Result]


@pytest.fixture
def shop() -> api.Shop:
    """A shop with 12 orders of the last day, and one of a month ago."""
    rows = [order(number, now_ms() - 2 * HOUR) for number in range(1, 13)]
    return api.Shop(orders={row["id"]: row for row in [*rows, order(99, now_ms() - 30 * 24 * HOUR)]})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, migrated_url: str, shop: api.Shop) -> Iterator[Run]:
    """Call a command on this database, with a shop whose API is served."""
    with commands_for(monkeypatch, migrated_url, shop) as run_command:
        yield run_command


def stored(inbox: Inbox) -> int:
    return sum(stored_deliveries.counts(inbox).values())


def test_backfill_reports_and_fetches(run: Run, inbox: Inbox) -> None:
    """A trial changes no row; the second run has nothing left to fetch; what is too old is reported alone."""
    trial = run("backfill", "--shop", "acme", "--since", "60d", "--dry-run")
    assert "platform      13 orders" in trial.output
    assert "missing       12: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..." in trial.output
    assert "  to deliver  12" in trial.output
    assert "too old       1" in trial.output
    assert (stored(inbox), reconciliations.recent(inbox)) == (0, [])
    assert "12 orders fetched." in run("backfill", "--shop", "acme", "--since", "60d", "--rate", "1000").output
    assert len(deliver(inbox)) == 12
    again = json.loads(run("backfill", "--shop", "acme", "--since", "60d", "--json").output)
    assert (again["platform"], again["received"], again["missing"], again["fetched"]) == (13, 13, 0, 0)
    assert again["outcomes"] == {"delivered": 12, "ignored": 1}


def test_backfill_of_one_order(run: Run, inbox: Inbox) -> None:
    """By its number, with and without #."""
    assert "1 order fetched." in run("backfill", "--shop", "acme", "--order", "#7").output
    assert deliver(inbox) == ["purchase:7"]
    assert "0 orders fetched." in run("backfill", "--shop", "acme", "--order", "7").output
    assert "no order 4711" in run("backfill", "--shop", "acme", "--order", "4711").output


@pytest.mark.engines("sqlite")
def test_backfill_names_what_is_under_way(run: Run, shop: api.Shop) -> None:
    """An order that waits to be sent, and one whose webhook may still arrive, are not the same."""
    run("backfill", "--shop", "acme", "--order", "7")
    shop.add(order(200, now_ms() - 60_000))
    found = run("backfill", "--shop", "acme", "--since", "1d", "--dry-run").output
    assert "under way     2: 1 stored, not sent yet, 1 of the last 15 min (RECONCILE_GRACE), whose webhook may" in found
    assert run("backfill", "--shop", "acme", "--order", "#").exit_code == 2


@pytest.mark.engines("sqlite")
def test_an_interrupted_backfill_goes_on(run: Run, inbox: Inbox, shop: api.Shop) -> None:
    """Ctrl-C says what became of what was fetched, and the second run fetches the rest."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in range(300, 500):
        shop.add(order(number, now_ms() - 2 * HOUR))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform_orders, "save", interrupt)
        stopped = run("backfill", "--shop", "acme", "--since", "1d")
    assert (stopped.exit_code, "What was fetched until then stays" in stopped.output) == (1, True)
    assert 0 < stored(inbox) < 212
    run("backfill", "--shop", "acme", "--since", "1d")
    assert stored(inbox) == 212


def test_reconcile_compares_now(run: Run, inbox: Inbox, shop: api.Shop) -> None:
    """One line for each shop, and exit code 1 if a comparison did not finish."""
    done = run("reconcile")
    assert (done.exit_code, "12 missing" in done.output) == (0, True)
    shop.before = lambda _: (200, {}, b"<html>Maintenance</html>")
    failed = run("reconcile", "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout.splitlines()[-1])["error"] == "api_odd_answer"
    assert stored(inbox) == 12


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["backfill", "--shop", "nope", "--since", "1d"], "there are acme"),
        (["backfill", "--shop", "acme"], "either --since"),
        (["backfill", "--shop", "acme", "--since", "1d", "--order", "1"], "either --since"),
        (["backfill", "--shop", "acme", "--since", "91d"], "longer ago than KEEP_ROWS"),
        (["backfill", "--shop", "acme", "--since", "1d", "--until", "2d"], "not before the end"),
        (["reconcile", "--shop", "nope"], "there are acme"),
    ],
)
def test_wrong_use_is_a_message(run: Run, arguments: list[str], words: str) -> None:
    """What cannot be meant is refused with a sentence."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())


@pytest.mark.engines("sqlite")
def test_a_shop_without_api_is_a_message(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table to add is named."""
    monkeypatch.setenv("SHOPS", SHOP)
    for command in (["backfill", "--shop", "acme", "--since", "1d"], ["reconcile", "--shop", "acme"], ["reconcile"]):
        done = run(*command)
        assert done.exit_code == 1
        assert ".api]" in done.output
