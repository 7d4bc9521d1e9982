"""Several documents of shops, and defaults for all of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from webhook_app.config import settings, shop_documents, shops, users, watch
from webhook_app.errors import ConfigurationError
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from pathlib import Path

    from webhook_app.config.shops import Shop

SHOP = '[shops.{}]\nplatform = "shopify"\nsecrets = ["geheim"]\ninstance_key = "1234abcd"\n'
USER = '[users.anna]\nroles = ["read"]\n'


def read(folder: Path, **texts: str) -> dict[str, Shop]:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return shops.load(all_platforms(), {"SHOPS_FILE": str(folder)})


def faults(folder: Path, **texts: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, **texts)
    return [fault.replace(f"{folder}/", "").replace(str(folder), "folder") for fault in caught.value.faults]


def test_a_folder_has_all_shops(tmp_path: Path) -> None:
    """Every TOML file counts, through a symbolic link too, as Kubernetes mounts them; hidden ones and others do not."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data/c.toml").write_text(SHOP.format("c"))
    (tmp_path / "c.toml").symlink_to("..data/c.toml")
    for name in (".#a.toml", "a.toml~", "notes.txt"):
        (tmp_path / name).write_text("[")
    assert list(read(tmp_path, b=SHOP.format("b"), a=SHOP.format("z"))) == ["z", "b", "c"]
    assert [one.source for one in shop_documents.read({"SHOPS_FILE": str(tmp_path)})][-1] == str(tmp_path / "c.toml")


def test_doubles_name_both_files(tmp_path: Path) -> None:
    """A shop that two files have is a fault of the second, with the line of the first; so are a user and defaults."""
    two = faults(tmp_path, a="\n" + SHOP.format("acme"), b="[defaults]\n", c=SHOP.format("acme") + "[defaults]\n")
    assert two == [
        "c.toml:1: shops.acme: is also in a.toml:2; keep one of them",
        "c.toml:5: defaults: is also in b.toml:1; keep one of them",
    ]
    (tmp_path / "a.toml").write_text(USER)
    (tmp_path / "b.toml").write_text(USER.replace("anna", "Anna"))
    (tmp_path / "c.toml").unlink()
    environ = {"SHOPS_FILE": str(tmp_path), "DASHBOARD_IDENTITY_HEADER": "X-User", "TRUSTED_PROXIES": "1"}
    with pytest.raises(ConfigurationError, match=r"b\.toml: users\.anna: is also in .*a\.toml; capitals"):
        users.load({}, settings.load(environ=environ), environ)


def test_faults_of_all_files_are_reported_together(tmp_path: Path) -> None:
    """Each fault has its file and line."""
    found = faults(
        tmp_path, a="[shops", b=SHOP.format("b").replace("shopify", "shopfy"), c=SHOP.format("c") + "x = 1\n"
    )
    assert [fault.partition(": ")[0] for fault in found] == ["a.toml", "b.toml:2", "c.toml:5"]
    (tmp_path / "empty").mkdir()
    assert faults(tmp_path / "empty") == [
        "folder: no shop is configured; write one as [shops.<name>], see docs/configuration.md"
    ]


def test_a_folder_that_docker_made_is_named(tmp_path: Path) -> None:
    """Where the file that is mounted does not exist, Docker creates a folder with its name."""
    (tmp_path / "shops.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"shops\.toml is an empty folder\. Docker makes one"):
        shop_documents.read({"SHOPS_FILE": str(tmp_path / "shops.toml")})


def test_defaults_are_for_all_shops(tmp_path: Path) -> None:
    """A shop's own value counts, and tables are merged."""
    defaults = '[defaults]\nplatform = "shopify"\nsource = "A/1"\nsecrets = ["one"]\n[defaults.fields]\nx = 1\ny = 1\n'
    least = '[shops.{}]\ninstance_key = "1234abcd"\n'
    own = least.format("b") + 'source = "B/1"\nsecrets = ["two", "three"]\n[shops.b.fields]\ny = 2\n'
    found = read(tmp_path, a=least.format("a"), b=own, defaults=defaults)
    assert [(one.source, one.secrets, one.constants) for one in found.values()] == [
        ("A/1", ("one",), {"x": "1", "y": "1"}),
        ("B/1", ("two", "three"), {"x": "1", "y": "2"}),
    ]


def test_a_fault_of_the_defaults_is_reported_once(tmp_path: Path) -> None:
    """However many shops have it; at its own line, and not for a shop that overrides it."""
    defaults = '[defaults]\npurchase_on = "maybe"\nproduct_key = "{nope}"\nunknown = 1\n[defaults.fields]\nsku = 1\n'
    found = faults(tmp_path, a=SHOP.format("a"), b=SHOP.format("b") + 'purchase_on = "paid"\n', d=defaults)
    assert {fault.partition(": ")[0] for fault in found} == {"d.toml:2", "d.toml:3", "d.toml:4", "d.toml:6"}
    assert len(found) == len(set(found)) == 4, found
    (tmp_path / "d.toml").write_text("defaults = 1\n")
    assert faults(tmp_path) == ["d.toml: defaults: expected a table: [defaults]"]


def test_time_zones() -> None:
    """A shop's time zone is a name of the IANA database; what is nearly one is named."""
    text = SHOP.format("a")
    assert shops.parse(f'{text}timezone = "Asia/Kolkata"', "s", all_platforms())["a"].timezone == "Asia/Kolkata"
    for wrong in ('"Europe/Amsterdm"', '"../../etc/passwd"', '""', "1", '"Europe"', '"CEST"', '"/etc/localtime"'):
        with pytest.raises(ConfigurationError, match=r"s:5: shops\.a\.timezone: expected the name of a time zone"):
            shops.parse(f"{text}timezone = {wrong}", "s", all_platforms())
    with pytest.raises(ConfigurationError, match="is Europe/Amsterdam meant"):
        shops.parse(f'{text}timezone = "Europe/Amsterdm"', "s", all_platforms())


def test_the_demo_shops_are_read_until_there_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a sandbox: a receiver that runs with the demo's shops notices the first shops.toml."""
    monkeypatch.chdir(tmp_path)
    for name in ("SHOPS", "SHOPS_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "shops.demo.toml").write_text(SHOP.format("demo"))
    monkeypatch.setenv(shop_documents.DEMO, str(tmp_path / "shops.demo.toml"))
    before = watch.signature()
    assert [*shops.load(all_platforms())] == ["demo"]
    (tmp_path / "shops.toml").write_text(SHOP.format("acme"))
    assert [*shops.load(all_platforms())] == ["acme"]
    assert watch.signature() != before
    monkeypatch.setenv("SHOPS_FILE", "shops.demo.toml")
    assert [*shops.load(all_platforms())] == ["demo"]


def test_what_is_no_file_or_a_large_one_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe would stop the process that reads it, and a large file all that it does besides."""
    os.mkfifo(tmp_path / "a.toml")
    assert faults(tmp_path) == ["SHOPS_FILE: a.toml is no file but a pipe or a device; each process reads it anew"]
    (tmp_path / "a.toml").unlink()
    monkeypatch.setattr(shop_documents, "MAX_SIZE", 100)
    assert faults(tmp_path, a=SHOP.format("a") + "#" * 100)[0].startswith("SHOPS_FILE: a.toml is larger than 4 MiB")
    assert list(read(tmp_path, a=SHOP.format("a"))) == ["a"]
