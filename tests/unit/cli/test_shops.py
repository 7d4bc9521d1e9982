"""`shops`: lists, adds and tests shops."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from webhook_app.config import env_file, shops
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.commands import Run

DOCUMENT = '# mine\n[defaults]\ntimezone = "Europe/Amsterdam" # all of them'


@pytest.fixture
def folder(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a document of defaults alone, and no `.env` yet."""
    monkeypatch.delenv("SHOPS", raising=False)
    monkeypatch.setenv("SHOPS_FILE", str(tmp_path / "shops.toml"))
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    (tmp_path / "shops.toml").write_text(DOCUMENT)
    return tmp_path


def add(run: Run, *arguments: str, key: str = "1234abcd") -> str:
    result = run("shops", "add", *arguments, "--instance-key", key)
    assert result.exit_code == 0, result.output
    return str(result.output)


@pytest.mark.parametrize("platform", sorted(all_platforms()))
def test_a_shop_is_added_and_passes_its_test(run: Run, folder: Path, platform: str) -> None:
    """Comments stay, secrets are in `.env` alone, and what was written is what a process reads."""
    output = add(run, "acme", "--platform", platform)
    written = env_file.values(folder / ".env")
    assert set(written) == {"ACME_SECRET", "ACME_SALT"}
    text = (folder / "shops.toml").read_text()
    assert text.startswith(f"{DOCUMENT}\n\n[shops.acme]\n")
    assert not [value for value in written.values() if value in text]
    assert written["ACME_SALT"] not in output
    shop = shops.load(all_platforms(), env_file.environment())["acme"]
    assert (shop.secrets or (shop.app_secret,)) == (written["ACME_SECRET"],)
    assert (shop.profile_salt, shop.timezone) == (written["ACME_SALT"], "Europe/Amsterdam")
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert sorted(one.name for one in folder.iterdir()) == [".env", "shops.toml"]
    makes_secret = not all_platforms()[platform].new_secret_help
    assert (written["ACME_SECRET"] in output) is not makes_secret
    assert ("makes the secret" in output) is makes_secret
    result = run("shops", "test", "acme")
    assert (result.exit_code, "would be sent" in result.output) == (int(makes_secret), True), result.output
    assert ("Secret 1 of acme stands in for the one" in result.output) is makes_secret
    columns = [line[4:].split("  ")[0] for line in result.output.splitlines()]
    assert {line[: max(map(len, columns)) + 6][-2:] for line in result.output.splitlines()} == {"  "}


ASKED = {
    "shopify": ("Secret that Shopify shows", "shopify-own-secret-0123456789"),
    "woocommerce": ("a new one to enter at the sender", ""),
    "standard": ("a new one to enter at the sender", ""),
    "shopware": ("a new one, which is written into the app", ""),
}


@pytest.mark.parametrize("platform", sorted(all_platforms()))
def test_the_platforms_secret_is_asked_for(run: Run, folder: Path, platform: str) -> None:
    """Where the platform makes it; no text asks to paste a generated one where none can be pasted."""
    question, answer = ASKED[platform]
    domain = "\n" if all_platforms()[platform].names_domain else ""
    result = run("shops", "add", "acme", "--platform", platform, input=f"1234abcd\n{answer}\n\n{domain}")
    assert result.exit_code == 0, result.output
    assert question in " ".join(result.output.split())
    written = env_file.values(folder / ".env")["ACME_SECRET"]
    assert answer in ("", written)
    assert "stand-in" not in written
    assert ("Nothing is to be pasted" in result.output) is (platform == "shopware")
    assert ("a new secret" in result.output) is (not answer)


def test_questions_and_files(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not given is asked; a folder gets a file for each shop, readable by its owner alone."""
    (folder / "all").mkdir()
    monkeypatch.setenv("SHOPS_FILE", str(folder / "all"))
    (folder / "secret").write_text("it's a \\ secret\n")
    add(run, "acme", "--platform", "shopify", "--secret-file", str(folder / "secret"), "--domain", "acme.example")
    add(run, "acme-2", "--platform", "shopify", "--product-key", "{sku}")
    assert stat.S_IMODE((folder / "all/acme.toml").stat().st_mode) == 0o600
    known = shops.load(all_platforms(), env_file.environment())
    assert known["acme"].secrets == ("it's a \\ secret",)
    assert (known["acme"].domain, known["acme-2"].product_key.text) == (("acme.example",), "{sku}")
    listed = [json.loads(line) for line in run("shops", "list", "--json").output.splitlines()]
    assert [(one["name"], one["place"]) for one in listed] == [
        ("acme-2", f"{folder}/all/acme-2.toml:1"),
        ("acme", f"{folder}/all/acme.toml:1"),
    ]


def test_nothing_is_written_where_the_whole_is_faulty(run: Run, folder: Path) -> None:
    """A double, a wrong answer, a fault elsewhere, a template that is none: files stay as they are."""
    add(run, "acme", "--platform", "shopify")
    before = {one.name: one.read_text() for one in folder.iterdir()}
    wrong = [
        ["acme", "--platform", "shopify", "--instance-key", "1234abcd"],
        ["Acme", "--platform", "shopify", "--instance-key", "1234abcd"],
        ["beta", "--platform", "shopfy", "--instance-key", "1234abcd"],
        ["beta", "--platform", "shopify", "--instance-key", "1234"],
        ["beta", "--platform", "shopify", "--instance-key", "1234abcd", "--product-key", "{nope}"],
        ["beta", "--platform", "standard", "--instance-key", "1234abcd", "--domain", "a.example"],
    ]
    for arguments in wrong:
        assert run("shops", "add", *arguments).exit_code in {1, 2}, arguments
    assert run("shops", "add", "beta", "--platform", "shopify", "--instance-key", "1234abcd", "--print").exit_code == 0
    assert {one.name: one.read_text() for one in folder.iterdir()} == before
    (folder / "shops.toml").write_text(before["shops.toml"].replace("Europe", "Europa"))
    result = run("shops", "add", "beta", "--platform", "shopify", "--instance-key", "1234abcd")
    assert "defaults.timezone" in result.output
    assert (folder / ".env").read_text() == before[".env"]


def test_taken_names_of_variables_are_left_alone(run: Run, folder: Path) -> None:
    """A variable that is set already is another's."""
    (folder / ".env").write_text("ACME_SALT=mine")
    os.environ["ACME_2_SECRET_FILE"] = "/run/secrets/x"
    add(run, "acme", "--platform", "shopify")
    assert list(env_file.values(folder / ".env")) == ["ACME_SALT", "ACME_3_SECRET", "ACME_3_SALT"]
