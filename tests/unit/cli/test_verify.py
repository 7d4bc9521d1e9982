"""The command verify."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.signatures import (
    BODY,
    GENUINE,
    OLD,
    OTHERS,
    RAW,
    RIGHT,
    SALT,
    SECRET,
    SHOPS,
    VIEW,
    b64,
    digest,
)
from webhook_app.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options for a request whose body got a line end."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    monkeypatch.setenv("SHOPS", SHOPS)
    (tmp_path / "headers").write_text(f"X-Shopify-Topic: orders/create\nX-Shopify-Hmac-Sha256: {b64(RAW)}\n")
    (tmp_path / "body").write_bytes(BODY)
    return ["verify", "--shop=acme", f"--headers={tmp_path / 'headers'}"]


def test_valid_request_exits_with_0(recorded: list[str], tmp_path: Path) -> None:
    """A valid request gives exit code 0."""
    result = CliRunner().invoke(main, [*recorded, f"--body={tmp_path / 'body'}"])
    assert result.exit_code == 0
    assert "the signature is valid" in result.output


def test_invalid_request_exits_with_1_and_its_cause(recorded: list[str]) -> None:
    """Exit code 1, the cause and what to do; neither secret nor body nor digest is shown."""
    result = CliRunner().invoke(main, [*recorded, "--body=-"], input=BODY + b"\n")
    assert result.exit_code == 1
    assert "signature_mismatch" in result.output
    assert "Cause: A line end was added after the body." in result.output
    assert "--data-binary" in result.output
    for hidden in (SECRET, OLD, OTHERS, SALT, "Zoë", b64(RAW), b64(digest(BODY + b"\n"))):
        assert hidden not in result.output


def test_time_of_arrival_is_an_option(recorded: list[str], tmp_path: Path) -> None:
    """A request that was recorded long ago is judged as of then."""
    (tmp_path / "standard").write_text(json.dumps(RIGHT))
    given = ["verify", "--shop=umbrella", f"--headers={tmp_path / 'standard'}", "--body=-"]
    late = CliRunner().invoke(main, given, input=VIEW)
    assert late.exit_code == 1
    assert "--at" in late.output
    assert CliRunner().invoke(main, [*given, "--at=2021-02-25T15:02:20Z"], input=VIEW).exit_code == 0


def test_query_instead_of_headers_and_body(recorded: list[str], tmp_path: Path) -> None:
    """--query replaces --headers and --body, and cannot be combined with them."""
    (tmp_path / "address").write_bytes(b"https://events.example.com/storefront/shopify/acme/search?" + GENUINE)
    query = f"--query={tmp_path / 'address'}"
    result = CliRunner().invoke(main, ["verify", "--shop=acme", query, "--at=2011-09-29T20:19:15Z"])
    assert result.exit_code == 0, result.output
    assert CliRunner().invoke(main, ["verify", "--shop=acme", query]).exit_code == 1
    assert "not both" in CliRunner().invoke(main, [*recorded, query]).output
    assert "no proxy" in CliRunner().invoke(main, ["verify", "--shop=initech", query]).output
    assert "--headers and --body" in CliRunner().invoke(main, ["verify", "--shop=acme"]).output


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--shop=acme", "--headers=-", "--body=-"], "Only one"),
        (["--shop=unknown", "--headers=-"], "there are acme, globex, initech, umbrella"),
        (["--shop=acme", "--headers=-"], "it holds no header"),
    ],
)
def test_wrong_use_exits_with_2(recorded: list[str], tmp_path: Path, changed: list[str], words: str) -> None:
    """Exit code 2, with a hint about the right use."""
    result = CliRunner().invoke(main, ["verify", f"--body={tmp_path / 'body'}", *changed], input=b"")
    assert result.exit_code == 2
    assert words in result.output
