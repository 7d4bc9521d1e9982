"""Changed shops are noticed, and what changed is named without a value."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from webhook_app.config import watch as configuration_watch
from webhook_app.config.watch import AGAIN, EVERY, NOTHING, ConfigurationCheck, ConfigurationWatch

if TYPE_CHECKING:
    from pathlib import Path

SHOP = '[shops.{}]\nplatform = "shopify"\nsecrets = ["geheim"]\ninstance_key = "1234abcd"\n'


class Clock:
    """A clock that a test advances."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with one shop, which this process uses, and a `.env`."""
    (tmp_path / "a.toml").write_text(SHOP.format("a"))
    monkeypatch.delenv("SHOPS", raising=False)
    monkeypatch.setenv("SHOPS_FILE", str(tmp_path))
    (tmp_path / ".env").touch()
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    return tmp_path


@pytest.fixture
def clock() -> Clock:
    """A clock that only the test advances."""
    return Clock()


def looks(watch: ConfigurationWatch, clock: Clock, number: int = 3) -> list[str]:
    """What so many looks find: changes, or faults without the folder."""
    found = []
    for _ in range(number):
        clock.now += EVERY
        look = watch.look()
        found.append(look.changes or " ".join(fault.rpartition("/")[2] for fault in look.faults))
    return found


def test_added_changed_and_removed_shops(folder: Path, clock: Clock) -> None:
    """Shops and keys are named, and no value; until a change is taken over it is found again, each minute."""
    watch = ConfigurationWatch(configuration_watch.read(for_web=True), for_web=True, clock=clock)
    assert looks(watch, clock) == ["", "", ""]
    (folder / "b.toml").write_text(SHOP.format("b"))
    assert looks(watch, clock) == ["", "added shop b", ""]
    (folder / "b.toml").unlink()
    changed = SHOP.format("a").replace("geheim", "ander") + "[shops.a.fields]\nx = 1\n[users.anna]\n"
    (folder / "a.toml").write_text(f'{changed}password_hash = "scrypt:32768:8:1${"x" * 16}${"0" * 128}"\n')
    assert looks(watch, clock, 2) == ["", "changed shop a (fields, secrets); added user anna"]
    clock.now += AGAIN
    assert looks(watch, clock, 1) == ["changed shop a (fields, secrets); added user anna"]
    (folder / "a.toml").rename(folder / "c.toml")
    (folder / "c.toml").write_text(SHOP.format("c") + SHOP.format("d"))
    assert looks(watch, clock, 2) == ["", "added shops c, d; removed shop a"]
    assert watch.changes() == "added shops c, d; removed shop a"


def test_a_change_while_a_process_starts_is_found(folder: Path, clock: Clock) -> None:
    """It reads its shops before it looks at the files for the first time, and may wait for a database in between."""
    used = configuration_watch.read(for_web=False)
    (folder / "b.toml").write_text(SHOP.format("b"))
    watch = ConfigurationWatch(used, for_web=False, clock=clock)
    assert looks(watch, clock) == ["added shop b", "", ""]


def test_what_changes_no_shop_is_no_change(folder: Path, clock: Clock) -> None:
    """Comments, another order, a variable of the process, and a look too early."""
    watch = ConfigurationWatch(configuration_watch.read(for_web=False), for_web=False, clock=clock)
    (folder / "a.toml").write_text("# why\n" + SHOP.format("a"))
    (folder / ".env").write_text("PORT=8123\n")
    assert watch.look() == NOTHING
    assert looks(watch, clock, 4) == ["", "", "", ""]


def test_a_file_is_read_once_it_stays_the_same(folder: Path, clock: Clock) -> None:
    """A file that is being written is not read, however long that takes; an atomic rename is one change."""
    watch = ConfigurationWatch(configuration_watch.read(for_web=False), for_web=False, clock=clock)
    whole = SHOP.format("b")
    for length in range(10, len(whole), 10):
        (folder / "b.toml").write_text(whole[:length])
        assert looks(watch, clock, 1) == [""]
    (folder / "new").write_text(whole)
    (folder / "new").replace(folder / "b.toml")
    assert looks(watch, clock) == ["", "added shop b", ""]


def test_a_faulty_file_changes_nothing(folder: Path, clock: Clock) -> None:
    """Its faults are found once, with file and line, and are over when it is corrected."""
    watch, check = (
        ConfigurationWatch(configuration_watch.read(for_web=False), for_web=False, clock=clock),
        ConfigurationCheck(for_web=False),
    )
    assert check.faults() == ()
    (folder / "b.toml").write_text(SHOP.format("b").replace("shopify", "shopfy"))
    first, fault, then = looks(watch, clock)
    assert (first, then) == ("", "")
    assert fault.startswith("b.toml:2: shops.b.platform: there is no such platform")
    assert [one.rpartition("/")[2] for one in check.faults()] == [fault]
    clock.now += AGAIN
    assert looks(watch, clock, 1) == [""]
    (folder / "a.toml").unlink()
    (folder / "b.toml").unlink()
    assert looks(watch, clock)[1] == "configuration.md"  # the end of: no shop is configured
    (folder / "a.toml").write_text(SHOP.format("a"))
    assert (looks(watch, clock), check.faults()) == (["", "", ""], ())
    (folder / ".env").unlink()
    assert looks(watch, clock)[1] == "null is for none"  # the end of: there is no such file; /dev/null is for none


def test_secrets_that_change_in_files(folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotated secret in `.env`, or in the file that NAME_FILE names, is a change of the shop."""
    (folder / "a.toml").write_text(SHOP.format("a").replace('"geheim"', '"${A_ONE}", "${A_TWO}"'))
    monkeypatch.setattr(os, "environ", {**os.environ, "A_ONE_FILE": str(folder / "one")})
    (folder / ".env").write_text("A_TWO=geheim\n")
    (folder / "one").write_text("geheim\n")
    watch = ConfigurationWatch(configuration_watch.read(for_web=False), for_web=False, clock=clock)
    (folder / ".env").write_text("A_TWO=anders\n")
    assert looks(watch, clock, 2) == ["", "changed shop a (secrets)"]
    (folder / ".env").write_text("A_TWO=geheim\n")
    (folder / "one").write_text("anders\n")
    assert looks(watch, clock, 2) == ["", "changed shop a (secrets)"]


def test_an_unexpected_error_is_a_fault(folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that looks goes on, whatever happens to it while it reads."""
    watch = ConfigurationWatch(configuration_watch.read(for_web=False), for_web=False, clock=clock)
    (folder / "b.toml").write_text(SHOP.format("b"))

    def read(**_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("webhook_app.config.watch.read", read)
    assert looks(watch, clock)[1].endswith("cannot be read (MemoryError)")
