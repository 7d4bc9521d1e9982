"""release.sh: what it refuses, and what it packs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "release.sh"
PARTS = ("woocommerce/tweakwise-webhooks/plugin.php", "shopify/pixel.js", "shopware/TweakwiseEvents/manifest.xml")
IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, env=os.environ)


def released(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([folder / "release.sh", "1.0.0"], capture_output=True, text=True, check=False)


@pytest.mark.skipif(not shutil.which("git"), reason="no git")
def test_a_release_is_checked_and_packed(tmp_path: Path) -> None:
    """An incomplete changelog, other changes, a missing SBOM and another tag are refused; then everything is there."""
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / ".gitignore").write_text("/var/\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.0.0] - unreleased\n")
    for part in PARTS:
        (tmp_path / "storefront" / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "storefront" / part).write_text("x")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "First")
    assert "CHANGELOG.md does not begin with" in released(tmp_path).stderr
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.0.0] - 2026-12-01\n")
    assert "not committed" in released(tmp_path).stderr
    git(tmp_path, "tag", "v1.0.0")
    git(tmp_path, "commit", "-qam", "Second")
    assert "tag of another commit" in released(tmp_path).stderr
    git(tmp_path, "tag", "-f", "v1.0.0")
    assert "make sbom" in released(tmp_path).stderr
    (tmp_path / "var").mkdir()
    (tmp_path / "var/sbom.json").write_text("{}")
    packed = released(tmp_path)
    assert packed.returncode == 0, packed.stderr
    out = tmp_path / "var/release"
    lines = (line.split() for line in (out / "SHA256SUMS").read_text().splitlines())
    sums = {name: digest for digest, name in lines}
    assert sums == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in out.iterdir() if file.name != "SHA256SUMS"
    }
    assert len(sums) == 5
    with zipfile.ZipFile(out / "tweakwise-webhooks-wordpress-1.0.0.zip") as plugin:
        assert "tweakwise-webhooks/plugin.php" in plugin.namelist()
