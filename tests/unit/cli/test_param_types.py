"""Options that take a duration or a point in time."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import click
import pytest

from webhook_app.cli.support.param_types import Duration, PointInTime, SecretText

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("24h", 86400), ("2w", 14 * 86400)])
def test_durations_and_ages(text: str, seconds: int) -> None:
    """A duration has a unit; as a point in time it is how long ago."""
    assert Duration().convert(text, None, None) == seconds * 1000
    assert PointInTime().convert(text, None, None) == pytest.approx((time.time() - seconds) * 1000, abs=5000)


@pytest.mark.parametrize("text", ["2026-11-18T11:06:40Z", "2026-11-18T13:06:40+02:00", "2026-11-18T11:06:40"])
def test_points_in_time_are_iso_8601(text: str) -> None:
    """A time without an offset is UTC."""
    assert PointInTime().convert(text, None, None) == 1_795_000_000_000


def test_a_secret_is_read_from_where_no_other_user_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or standard input; a file that cannot be read is an error without its content."""
    (tmp_path / "secret.txt").write_text("postgres://user:geheim@host/db\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("from stdin\nmore\n"))
    assert SecretText().convert(f"@{tmp_path}/secret.txt", None, None) == "postgres://user:geheim@host/db"
    assert SecretText().convert("-", None, None) == "from stdin"
    assert SecretText().convert("as such", None, None) == "as such"
    with pytest.raises(click.BadParameter, match="cannot be read"):
        SecretText().convert(f"@{tmp_path}/missing", None, None)
