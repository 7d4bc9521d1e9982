"""`check`: validates the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.commands import Run

pytestmark = pytest.mark.engines("sqlite")


def test_it_prints_urls_and_topics(run: Run) -> None:
    """For each shop what to paste where; topics of privacy requests are not subscribed to per shop."""
    result = run("check", "--url", "https://events.example.com/")
    assert result.exit_code == 0
    assert "https://events.example.com/webhooks/shopify/acme" in result.output
    assert "https://events.example.com/storefront/shopify/acme" in result.output
    assert "orders/create, orders/paid, orders/updated" in result.output
    assert "customers/redact" not in result.output


def test_it_names_a_shared_secret(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two shops with one secret are noted, each with the line that pins it."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    table = 'platform = "woocommerce"\nsecrets = ["one-secret-of-two-shops"]\ninstance_key = "1234abcd"\n'
    monkeypatch.setenv("SHOPS", f"[shops.acme]\n{table}[shops.globex]\n{table}")
    output = run("check").output
    for name in ("acme", "globex"):
        assert f'Write into [shops.{name}]: domain = "<address of {name}>"' in output


def test_it_refuses_to_wait_longer_than_orders_are_known(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancellation would be forgotten before the purchase is sent."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    table = 'platform = "woocommerce"\nsecrets = ["a-secret-of-a-shop"]\ninstance_key = "1234abcd"\n'
    monkeypatch.setenv("SHOPS", f'[shops.acme]\n{table}purchase_after = "14d"\n')
    assert run("check").exit_code == 0
    monkeypatch.setenv("KEEP_ROWS", "20d")
    refused = run("check")
    assert refused.exit_code == 1
    assert "shops.acme.purchase_after: longer than KEEP_ROWS less MAX_ORDER_AGE" in refused.output


def test_it_reports_a_database_without_tables(run: Run) -> None:
    """What to run is part of the message; afterwards the database is ready."""
    assert (
        "Database   not ready: The database is not migrated. Run `python -m webhook_app migrate`."
        in run("check").output
    )
    run("migrate")
    assert "Database   ready" in run("check").output


def test_it_notes_an_outdated_word(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of earlier versions is accepted, and check names the one to write."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    table = 'platform = "shopify"\nsecrets = ["one-secret-of-a-shop"]\ninstance_key = "1234abcd"\n'
    monkeypatch.setenv("SHOPS", f'[shops.acme]\n{table}purchase_on = "pending"')
    result = run("check")
    assert (result.exit_code, 'another word for "placed"' in result.output) == (0, True)


@pytest.mark.parametrize(("own", "code"), [("", 1), ('[shops.acme.fields]\nlocale = "nl"', 0)])
def test_a_template_that_no_order_fills_is_a_fault(
    run: Run, monkeypatch: pytest.MonkeyPatch, own: str, code: int
) -> None:
    """Orders of WooCommerce have no locale, so that each would be ignored."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    table = 'platform = "woocommerce"\nsecrets = ["one-secret-of-a-shop"]\ninstance_key = "1234abcd"\n'
    monkeypatch.setenv("SHOPS", f'[shops.acme]\n{table}product_key = "{{locale}}-{{sku}}"\n{own}')
    result = run("check")
    assert (result.exit_code, "do not have" in result.output) == (code, code == 1)
