"""Checks of the settings, shops and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doctor import SECRET, SHOPS, examined, findings_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.doctor import Examine


ODD = {
    "a-long-enough-secret ": "begins or ends with white space",
    "a-long enough-secret": "contains white space",
    "a-long-en\\u200bough-secret": "invisible character",
    "'a-long-enough-secret'": "quotation mark",
    "a-long-enough-sécret": "outside ASCII",
    "a-long-enough&amp;secret": "HTML entity",
    "short": "fewer than 16",
    "changeme": "placeholder",
    "1234abcd": "instance_key",
}


@pytest.mark.parametrize("secret", ODD)
def test_odd_secrets_are_warnings(plain: Examine, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """By what is odd about them and by number, never by what they are."""
    monkeypatch.setenv("SHOPS", SHOPS.replace(f'"{SECRET}"', f'"{SECRET}", "{secret}"'))
    found = findings_of(plain(), "secrets")
    assert any(severity == "warning" and ODD[secret] in text for severity, text in found)
    assert all(text.startswith("Secret 2 of acme") for _, text in found)
    assert all(secret.strip() not in text for _, text in found)


def test_shared_secret_is_a_warning(plain: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of two shops is reported, and one with characters that the platform changes."""
    woo = SHOPS.replace("acme", "globex").replace("shopify", "woocommerce").replace(SECRET, "a<b>c%20d-long-enough")
    monkeypatch.setenv("SHOPS", SHOPS + SHOPS.replace("acme", "initech") + woo)
    text = " ".join(sentence for _, sentence in findings_of(plain(), "secrets"))
    assert "initech has a secret that acme has too: a webhook of one passes for the other." in text
    monkeypatch.setenv("SHOPS", f'{SHOPS}domain = "a.example"\n{SHOPS.replace("acme", "initech")}domain = "b.example"')
    assert findings_of(plain(), "secrets")[0][0] == "ok"
    assert "Secret 1 of globex contains characters that WooCommerce changes" in text


def test_unencrypted_address_is_a_warning(plain: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one shop, or of all of them; a sandbox on this machine is none."""
    assert {severity for severity, _ in findings_of(plain(), "configuration")} == {"ok"}
    monkeypatch.setenv("SHOPS", f'{SHOPS}tweakwise_url = "http://tweakwise.invalid"')
    assert "unencrypted" in findings_of(plain(), "configuration")[-1][1]


def test_invalid_configuration_is_an_error(configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fault is a finding, and nothing else is checked."""
    monkeypatch.setenv("SHOPS", SHOPS.replace("shopify", "shopfy"))
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    findings = examined()
    assert len(findings) == 2
    assert {one["severity"] for one in findings} == {"error"}


def test_a_readable_file_with_secrets_is_a_warning(
    plain: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Unless it refers to the environment for them, or only its owner can read it."""
    file = tmp_path / "shops.toml"
    monkeypatch.setenv("ACME_SECRET", SECRET)
    monkeypatch.delenv("SHOPS")
    monkeypatch.setenv("SHOPS_FILE", str(file))
    for mode, secret, warns in ((0o644, SECRET, True), (0o600, SECRET, False), (0o644, "${ACME_SECRET}", False)):
        file.write_text(SHOPS.replace(SECRET, secret).replace("a-salt", secret))
        file.chmod(mode)
        found = [text for severity, text in findings_of(plain(), "secrets") if severity == "warning"]
        assert any("can read" in text for text in found) is warns
