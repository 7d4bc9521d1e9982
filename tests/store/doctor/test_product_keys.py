"""Checks of the product-key template and of the last comparison with the feed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival
from tests.support.doctor import SHOPS, finding_of, match
from webhook_app.inbox.shop_records import feed_check_results

if TYPE_CHECKING:
    from tests.support.doctor import Examine
    from webhook_app.inbox import Inbox


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("template", "severity", "fitting"),
    [("{product_id}", "ok", 2), ("{sku}", "warning", 1), ("{variant_id:04d}{locale}", "error", 0)],
)
def test_template_is_tried(  # noqa: PLR0913, PLR0917 - three of them are the table's columns
    inbox: Inbox, examine: Examine, monkeypatch: pytest.MonkeyPatch, template: str, severity: str, fitting: int
) -> None:
    """On the bodies that are still held, whatever became of them."""
    line = {"product_id": 5, "price": "1", "quantity": 1}
    order = {"id": 1, "created_at": "2026-11-23T10:00:00Z", "line_items": [line, {**line, "sku": "S"}]}
    inbox.store(arrival(body=json.dumps(order).encode()))
    inbox.store(arrival("odd", body=b"no JSON"))
    monkeypatch.setenv("SHOPS", f'{SHOPS}product_key = "{template}"')
    found = finding_of(examine(), "product key")
    assert found[0] == severity
    assert f"{fitting} of the last 2 order lines" in found[1]


def test_last_match_is_reported(inbox: Inbox, examine: Examine) -> None:
    """Too few keys in the feed is a warning with a better template; no result is info."""
    assert finding_of(examine(), "feed")[0] == "info"
    feed_check_results.save(inbox, [match()])
    findings = examine()
    assert finding_of(findings, "feed") == ("warning", "50.0 % of the product keys of acme were in the feed 2 h ago.")
    assert any('product_key = "{sku}"' in one["advice"] for one in findings)
    feed_check_results.save(inbox, [match(template="{sku}")])
    assert finding_of(examine(), "feed")[0] == "info"
