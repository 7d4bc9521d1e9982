"""docs/adding-a-platform.md is complete: the platform of the page is made from its text alone."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

from schemas.events import Purchase
from tests.support.processes import ROOT, environment
from tests.support.recordings import RECEIVED_AT, as_toml, claimed, payload_of
from webhook_app.config import shops
from webhook_app.platforms import all_platforms, samples
from webhook_app.translation.translate import AgeLimits, parse_json, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from webhook_app.platforms.base import Platform

PAGE = (ROOT / "docs/adding-a-platform.md").read_text(encoding="utf-8")
FILE = re.compile(r"^( *)```\w+ (\S+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
WITH_NEW_FILES = ("", "webhook_app", "webhook_app/platforms", "schemas", "tests", "tests/fixtures")
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


def make_folder_of_links(folder: Path, original: Path) -> None:
    """Make a folder with what another one has, to which files can be added."""
    if folder.is_symlink():
        folder.unlink()
        folder.mkdir()
    for one in original.iterdir():
        (folder / one.name).symlink_to(one)


def test_the_laws_hold_for_the_platform_of_the_page(tmp_path: Path) -> None:
    """No existing file has to be changed for them, those of the tests included."""
    for folder in WITH_NEW_FILES:
        make_folder_of_links(tmp_path / folder, ROOT / folder)
    for path, text in files().items():
        if not path.startswith("docs/"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
    laws = ("tests/unit/platforms", "tests/unit/translation/test_orders_of_any_shape.py")
    command = [sys.executable, "-m", "pytest", "-q", "-k", "acme", "-n", "0", "-p", "no:cacheprovider", *laws]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-5000:]
