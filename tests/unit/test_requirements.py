"""What is installed: requirements*.txt follow from requirements*.in, have digests, and fit every Python and system."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCES = [*sorted(ROOT.glob("requirements*.in")), ROOT / "bench/requirements.in"]
MACHINES = [
    {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.3", "sys_platform": system}
    | {"platform_system": system.capitalize(), "platform_machine": machine}
    for minor, (system, machine) in product(
        range(11, 15), [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
    )
]


def name_of(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


@cache
def locked(path: Path) -> dict[str, tuple[Requirement, str]]:
    """Each requirement of a compiled file by name, and the text that follows it up to the next."""
    blocks = re.split(r"^(?=[a-z0-9])", path.read_text("utf-8"), flags=re.MULTILINE | re.IGNORECASE)[1:]
    read = [(Requirement(block.partition("\\\n")[0]), block) for block in blocks]
    return {name_of(one): (one, block) for one, block in read}


def pins(source: Path) -> Iterator[tuple[Requirement, str]]:
    """Each requirement of a source file, and the reason beside it."""
    for line in source.read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "-")):
            requirement, _, reason = line.partition("  #")
            yield Requirement(requirement), reason.strip()


def included(source: Path) -> list[Path]:
    """The source file and those that it names with -r."""
    names = re.findall(r"^-r (\S+)$", source.read_text("utf-8"), flags=re.MULTILINE)
    return [source, *(one for name in names for one in included((source.parent / name).resolve()))]


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.fixture(params=SOURCES, ids=named(SOURCES))
def source(request: pytest.FixtureRequest) -> Path:
    """One source file of requirements."""
    path: Path = request.param
    return path


def test_every_pin_has_a_reason(source: Path) -> None:
    """A package that is asked for has one version, and says beside it what for."""
    assert all(str(one.specifier).startswith("==") and reason for one, reason in pins(source))


def test_the_compiled_file_has_what_its_source_asks_for(source: Path) -> None:
    """Versions agree, and what no source asks for any more is gone: otherwise `make requirements` was forgotten."""
    asked = {name_of(one): one.specifier for path in included(source) for one, _ in pins(path)}
    compiled = locked(source.with_suffix(".txt"))
    direct = {name: one.specifier for name, (one, block) in compiled.items() if re.search(r"-r \S+\.in", block)}
    assert direct == asked


def test_every_line_has_digests(source: Path) -> None:
    """Each package has one version and the SHA-256 of its files, so that pip installs no other file."""
    for one, block in locked(source.with_suffix(".txt")).values():
        assert str(one.specifier).startswith("=="), one
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block), one


def test_versions_agree_between_the_files() -> None:
    """What is installed twice is the same version, so that the second file changes nothing of the first."""
    runtime = {name: one.specifier for name, (one, _) in locked(ROOT / "requirements.txt").items()}
    for source in (ROOT / "requirements-extras.in", ROOT / "requirements-dev.in", ROOT / "bench/requirements.in"):
        other = {name: one.specifier for name, (one, _) in locked(source.with_suffix(".txt")).items()}
        assert {name: other[name] for name in runtime.keys() & other} == {
            name: runtime[name] for name in runtime.keys() & other
        }


def applies(requirement: Requirement, machine: dict[str, str], extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate(machine | {"extra": extra})


def needs(requirement: Requirement, machine: dict[str, str]) -> list[Requirement]:
    """What an installed package needs on that machine, with the extras that were asked for."""
    read = [Requirement(line) for line in metadata.distribution(requirement.name).requires or []]
    return [one for one in read if any(applies(one, machine, extra) for extra in ("", *requirement.extras))]


def installed_on(source: Path, machine: dict[str, str]) -> set[str]:
    """The names that must be installed there, found through the metadata of what is installed here."""
    left = [one for path in included(source) for one, _ in pins(path) if applies(one, machine)]
    seen: dict[tuple[str, frozenset[str]], Requirement] = {}
    while left:
        one = left.pop()
        key = (name_of(one), frozenset(one.extras))
        if key not in seen:
            seen[key] = one
            left += needs(one, machine)
    return {name for name, _ in seen}


@pytest.mark.parametrize("name", ["requirements.in", "requirements-extras.in"])
def test_the_compiled_file_fits_every_python_and_system(name: str) -> None:
    """On Python 3.11 to 3.14, on Linux and macOS, nothing is missing that a package needs there."""
    source = ROOT / name
    compiled = locked(source.with_suffix(".txt"))
    for machine in MACHINES:
        there = {one for one, (requirement, _) in compiled.items() if applies(requirement, machine)}
        assert installed_on(source, machine) <= there, machine


def test_everything_that_installs_checks_digests() -> None:
    """No script, workflow or page installs a requirements file in any other way."""
    paths = [ROOT / "Makefile", ROOT / ".ci/run", ROOT / "setup.sh", ROOT / "bench/setup.sh", ROOT / "README.md"]
    paths += [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("docs/*.md"), *ROOT.glob("Dockerfile")]
    installs = [
        line
        for path in paths
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"pip install .*(-r|--requirement)\b", line)
    ]
    assert len(installs) > 1
    assert all("--require-hashes" in line for line in installs)
