"""docs/adding-a-platform.md is complete: the platform of the page is made from its text alone."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.events import Purchase
from tests.support.recordings import RECEIVED_AT, as_toml, claimed, payload_of
from webhook_app.config import shops
from webhook_app.platforms import all_platforms, samples
from webhook_app.translation.translate import AgeLimits, parse_json, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    import pytest

    from webhook_app.platforms.base import Platform

PAGE = (Path(__file__).parents[3] / "docs/adding-a-platform.md").read_text(encoding="utf-8")
FILE = re.compile(r"^( *)```\w+ (\S+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
AGES = AgeLimits(max_order_age=7 * 86400, max_age=86400)
ORDER = "tests/fixtures/acme/order.placed"


def files() -> dict[str, str]:
    """The files that the page writes out, by path."""
    return {
        path: re.sub(f"^{indent}", "", text, flags=re.MULTILINE).removesuffix("\n")
        for indent, path, text in FILE.findall(PAGE)
    }


def loaded(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a file as the module of that name, for this test alone."""
    found = importlib.util.spec_from_file_location(name, file)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, name, module)
    found.loader.exec_module(module)
    return module


def test_the_platform_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fixture is verified with either secret and gives the expected call; its sample is a purchase."""
    written = files()
    for number, path in enumerate(("schemas/acme.py", "webhook_app/platforms/acme.py")):
        file = tmp_path / f"{number}.py"
        file.write_text(written[path])
        module = loaded(path.removesuffix(".py").replace("/", "."), file, monkeypatch)
    platform: Platform = module.PLATFORM
    keys = tomllib.loads(written["tests/fixtures/acme/shop.toml"])["shops"]["fixture"]
    shop = shops.parse(as_toml("fixture", keys), "shop.toml", {**all_platforms(), "acme": platform})["fixture"]
    body = written[f"{ORDER}/body.raw"].encode()
    sent = json.loads(written[f"{ORDER}/headers.json"])
    envelope = platform.verify(body, {name.lower(): value for name, value in sent.items()}, shop.secrets)
    delivery = claimed("fixture", "acme", envelope.topic, body, RECEIVED_AT, envelope.domain)
    call = translate(payload_of(delivery), shop, platform, AGES, RECEIVED_AT)
    assert isinstance(call, Call)
    expected = json.loads(written[f"{ORDER}/expected.json"])
    assert expected == {"call": {"event": call.event, "key": call.key, "body": call.body}}
    headers, sample = samples.signed_delivery(platform, platform.topics[0], "key", shop.secrets[0], "acme.example")
    assert platform.verify(sample, headers, shop.secrets).topic == "order.placed"
    assert isinstance(platform.translate("order.placed", parse_json(sample)), Purchase)
    assert written["docs/acme.md"].startswith("# Acme\n\n## In five steps\n")
