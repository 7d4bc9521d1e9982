"""deploy/spread_shops.py: every shop belongs to one installation, and stays there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from deploy import spread_shops
from webhook_app.config import shops
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from pathlib import Path

TABLE = '[shops.{name}]\nsecrets = ["s"]\ninstance_key = "1234abcd"\n'


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with ten shops that have defaults in common."""
    folder = tmp_path / "shops"
    folder.mkdir()
    (folder / "defaults.toml").write_text('[defaults]\nplatform = "shopify"\n')
    for number in range(10):
        add(folder, f"shop-{number}")
    return folder


def add(folder: Path, name: str) -> None:
    (folder / f"{name}.toml").write_text(TABLE.format(name=name))


def test_every_shop_has_one_installation(documents: Path, tmp_path: Path) -> None:
    """Each installation reads its own shops, with the defaults; nginx gets the same places."""
    chosen = spread_shops.spread(documents, tmp_path, 3)
    read = {
        name: number
        for number in (1, 2, 3)
        for name in shops.load(all_platforms(), {"SHOPS_FILE": str(tmp_path / str(number))})
    }
    assert read == chosen
    assert sorted(Counter(chosen.values()).values()) == [3, 3, 4]
    assert (tmp_path / "shops.map").read_text() == "".join(f"{name} {read[name]};\n" for name in sorted(read))


def test_a_shop_stays(documents: Path, tmp_path: Path) -> None:
    """Deleted and new shops, and another installation, move no other shop; new ones go where there are the fewest."""
    before = spread_shops.spread(documents, tmp_path, 2)
    (documents / "shop-3.toml").unlink()
    add(documents, "a-new-one")
    after = spread_shops.spread(documents, tmp_path, 3)
    assert after == {name: number for name, number in before.items() if name != "shop-3"} | {"a-new-one": 3}


def test_no_installation_is_removed(documents: Path, tmp_path: Path) -> None:
    """Its database knows which orders were counted."""
    spread_shops.spread(documents, tmp_path, 3)
    with pytest.raises(SystemExit, match="database of that installation"):
        spread_shops.spread(documents, tmp_path, 2)
