"""The instance keys that a sandbox beside the receiver accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.cli.support.shop_keys import READ_ONCE_IN, ShopKeys

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SHOP = '[shops.{}]\nplatform = "shopify"\nsecrets = ["geheim"]\ninstance_key = "{}"\n'


def test_keys_of_shops_that_are_added_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A new shop's key is known at once; a faulty file changes nothing; unknown keys read the file once a second."""
    file, now = tmp_path / "shops.toml", [0.0]
    file.write_text(SHOP.format("a", "1111aaaa"))
    monkeypatch.setenv("SHOPS_FILE", str(file))
    keys = ShopKeys(["9999zzzz"], lambda: now[0])
    assert set(keys) == {"1111aaaa", "9999zzzz"}
    file.write_text(SHOP.format("b", "2222bbbb"))
    assert "2222bbbb" not in keys
    now[0] += READ_ONCE_IN
    assert "2222bbbb" in keys
    file.write_text("[")
    now[0] += READ_ONCE_IN
    assert ("1111aaaa" in keys, "2222bbbb" in keys, len(keys)) == (False, True, 2)
