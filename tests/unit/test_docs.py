"""The documentation cannot lie: what it says of settings, commands, reasons and states is compared with the code."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from schemas.events import Payment, Reason
from webhook_app.cli import main
from webhook_app.config import settings, shops
from webhook_app.delivery.causes import REASON_PREFIXES, TITLES, cause_of
from webhook_app.inbox import TRANSITIONS
from webhook_app.openapi import texts
from webhook_app.platforms import all_platforms
from webhook_app.tweakwise import retry_policy

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
REASONS = (ROOT / "docs/reasons.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
APP_JSON = ROOT / "app.json"

SETTINGS_SOURCE = (ROOT / "webhook_app/config/settings.py").read_text(encoding="utf-8")
SHOPS_SOURCE = (ROOT / "webhook_app/config/shops.py").read_text(encoding="utf-8")
SETTINGS = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', SETTINGS_SOURCE)
SHOPS = re.findall(r'os\.environ\.get\("([A-Z_]+)"\)', SHOPS_SOURCE)
OPTIONS = re.findall(r'envvar="([A-Z_]+)"', (ROOT / "webhook_app/cli/serving.py").read_text(encoding="utf-8"))
VARIABLES = [*SETTINGS, *SHOPS, *OPTIONS]

ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCED = re.compile(r"^[ ]*```.*?^[ ]*```", re.MULTILINE | re.DOTALL)
DRAWN = re.compile(r"<!-- transitions -->\n(.*?)<!-- /transitions -->", re.DOTALL)


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """The table rows below a heading, by each name in code that stands in the first column."""
    section = text.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    cells = [[cell.strip() for cell in line.split("|")] for line in ROW.findall(section)]
    return {name: row for row in cells for name in CODE.findall(row[0])}


def default_of(name: str, heading: str) -> str | None:
    """What a table says is the default, None where it says none in code."""
    written = CODE.fullmatch(rows(README, heading)[name][2])
    return written[1] if written else None


def diagram() -> str:
    """Draw TRANSITIONS as a mermaid state diagram."""
    ways = [f"    {way.source} --> {way.target}: {way.verb} ({way.about})" for way in TRANSITIONS]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> received: keep", *ways, "```", ""])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def app_variables() -> dict[str, Any]:
    variables: dict[str, Any] = json.loads(APP_JSON.read_text(encoding="utf-8"))["env"]
    return variables


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which nothing is set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_the_variables_are_found_in_the_source() -> None:
    """Every field of Settings is read from a variable that these tests know."""
    assert {name.lower() for name in SETTINGS} == {field.name for field in fields(settings.Settings)}
    assert set(SHOPS) == {"SHOPS", "SHOPS_FILE"}


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_is_documented(name: str) -> None:
    """A variable that is read is in the README's table."""
    assert name in rows(README, "## Settings")


def test_every_documented_variable_is_read() -> None:
    """The README's table has no variable that nobody reads."""
    assert set(rows(README, "## Settings")) == set(VARIABLES)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_documented_default_is_the_real_one(
    name: str, monkeypatch: pytest.MonkeyPatch, no_variables: None
) -> None:
    """Setting a variable to its documented default changes nothing."""
    unset = settings.load()
    documented = default_of(name, "## Settings")
    if documented is None:
        assert (rows(README, "## Settings")[name][2], getattr(unset, name.lower())) == ("none", None)
    monkeypatch.setenv(name, documented or "")
    assert settings.load() == unset


def test_the_documented_shops_file_is_the_real_one() -> None:
    """Without SHOPS and SHOPS_FILE the shops come from the documented file."""
    assert default_of("SHOPS_FILE", "## Settings") == shops.DEFAULT_FILE


@pytest.mark.parametrize("name", [name for name, command in main.commands.items() if not command.hidden])
def test_every_command_is_documented(name: str) -> None:
    """A command is in the README's table."""
    assert name in rows(README, "## Commands")


def test_every_documented_command_exists() -> None:
    """A command that any page shows can be called."""
    shown = {name for page in PAGES for name in re.findall(r"-m webhook_app ([a-z][a-z-]*)", page.read_text("utf-8"))}
    assert shown <= set(main.commands)


def test_the_shop_keys_are_the_documented_ones() -> None:
    """The README's table has every key of a shop and no other."""
    known = {field.data_key or name for name, field in shops._ShopSchema().fields.items()}  # noqa: SLF001 - the one place that lists them
    assert set(rows(README, "## Shops")) - {rung.name.lower() for rung in Payment} == known


def test_every_documented_shop_default_is_the_real_one() -> None:
    """Writing a shop's documented defaults out changes nothing."""
    least = '[shops.a]\nplatform = "shopify"\nsecrets = ["s"]\ninstance_key = "1234abcd"\n'
    documented = {
        name: default
        for name in rows(README, "## Shops")
        if (default := default_of(name, "## Shops")) and name != "tweakwise_url"
    }
    written_bare = {"require_consent", "extra_events", "repeat_within"}
    assert set(documented) == {"product_key", "profile_attribute", "purchase_on", *written_bare}
    written = {name: value if name in written_bare else json.dumps(value) for name, value in documented.items()}
    whole = least + "\n".join(f"{name} = {value}" for name, value in written.items())
    assert shops.parse(whole, "whole", all_platforms()) == shops.parse(least, "least", all_platforms())


@pytest.mark.parametrize("rung", Payment)
def test_every_rung_is_documented(rung: Payment) -> None:
    """A value of purchase_on is explained in the README."""
    assert rung.name.lower() in rows(README, "## Shops")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_to_ignore_is_documented(reason: Reason) -> None:
    """A reason for ignoring a delivery is explained."""
    assert reason in rows(REASONS, "## Ignored")


def test_every_documented_reason_to_ignore_exists() -> None:
    """No reason is explained that is never given."""
    assert set(rows(REASONS, "## Ignored")) == set(Reason)


@pytest.mark.parametrize("state", ["WAITING", "DEAD"])
def test_every_reason_of_the_worker_is_documented(state: str) -> None:
    """A reason that the worker writes with a waiting or dead delivery is explained."""
    source = (ROOT / "webhook_app/delivery/outcomes.py").read_text(encoding="utf-8")
    given = re.findall(rf'State\.{state},\s*"([a-z_]+)"', source)
    assert given
    assert set(given) <= set(rows(REASONS, f"## {state.capitalize()}"))


def test_every_failure_of_a_call_is_documented() -> None:
    """A call's failures are explained as waiting, given up and parked."""
    names = {*retry_policy.UNSENT, *retry_policy.AMBIGUOUS, "http_<status>"}
    waiting, dead = rows(REASONS, "## Waiting"), rows(REASONS, "## Dead")
    assert names <= set(waiting)
    assert {f"gave_up_{name}" for name in names} | {f"parked_{name}" for name in retry_policy.AMBIGUOUS} <= set(dead)


@pytest.mark.parametrize("name", rows(REASONS, "## Dead"))
def test_every_dead_reason_has_the_documented_fault(name: str) -> None:
    """Whose fault a dead delivery is stands beside its reason, and is what the code says."""
    fault = cause_of(name.replace("<status>", "503" if "gave_up" in name else "400"))
    assert fault
    assert rows(REASONS, "## Dead")[name][1] == TITLES[fault].partition(" (")[0]


def test_no_reason_has_two_faults() -> None:
    """A reason's beginning says whose fault it is, once."""
    beginnings = [beginning for several in REASON_PREFIXES.values() for beginning in several]
    assert not [(a, b) for a in beginnings for b in beginnings if a is not b and a.startswith(b)]


def test_every_refusal_is_documented() -> None:
    """The reason of a 401 is explained in the README."""
    sources = [ROOT / "webhook_app/signing/hmac_schemes.py", ROOT / "webhook_app/platforms/base.py"]
    given = {name for path in sources for name in re.findall(r'BadSignatureError\(\s*"(\w+)"', path.read_text("utf-8"))}
    assert given
    given |= set(texts.REASONS)
    for proxy in (platform.proxy for platform in all_platforms().values() if platform.proxy):
        needed = (proxy.signature.proof, proxy.signature.timestamp, *proxy.signature.needed)
        given |= {f"{name}_missing" for name in needed}
        given |= {f"{name}_repeated" for name in (*needed, *proxy.signature.single)}
    assert given == set(rows(README, "### The answer is 401"))


def test_the_diagram_is_drawn_from_the_transitions() -> None:
    """The states' diagram shows TRANSITIONS and nothing else."""
    drawn = DRAWN.search(ARCHITECTURE)
    assert drawn, "docs/architecture.md has lost its markers <!-- transitions --> and <!-- /transitions -->"
    assert drawn[1] == diagram(), f"Put this between the markers in docs/architecture.md:\n\n{diagram()}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and a heading that is on it."""
    for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", all_platforms())
def test_every_platform_is_documented(name: str) -> None:
    """A platform has its chapter in the README, and its name as a value of `platform`."""
    assert f"\n## {all_platforms()[name].title} in " in README
    assert f"`{name}`" in rows(README, "## Shops")["platform"][1]


@pytest.mark.parametrize("name", all_platforms())
def test_every_topic_to_subscribe_to_is_documented(name: str) -> None:
    """The README's chapter of a platform tells which topics to subscribe to; a storefront's come by themselves."""
    platform = all_platforms()[name]
    chapter = README.split(f"\n## {platform.title} in ", 1)[1].split("\n## ", 1)[0]
    for topic in platform.topics:
        if topic.storefront:
            continue
        words = topic.name.replace(".", " ").capitalize()
        assert topic.name in chapter or words in chapter


def test_every_shop_in_an_example_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader may copy the README's TOML of shops as it stands."""
    examples = [text for text in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[shops." in text]
    assert examples
    for text in (re.sub(r"^ +", "", example, flags=re.MULTILINE) for example in examples):
        for name in re.findall(r"\$\{(\w+)\}", text):
            monkeypatch.setenv(name, "made-up")
        assert shops.parse(text, "README.md", all_platforms())


def test_the_environments_of_the_app_are_known() -> None:
    """The one-click form asks for nothing that is not read."""
    variables = app_variables()
    referred = re.findall(r"\$\{(\w+)\}", variables["SHOPS"]["value"])
    assert set(variables) == {*set(VARIABLES).intersection(variables), *referred}


def test_the_app_starts_with_what_its_form_gives(monkeypatch: pytest.MonkeyPatch, no_variables: None) -> None:
    """The one-click form's values, with its questions answered, are a configuration without fault."""
    answers = {"WEBHOOK_SECRET": "a-secret", "TWEAKWISE_INSTANCE_KEY": "1234abcd", "PROFILE_SALT": "a-salt"}
    given = {name: item.get("value", answers.get(name, "")) for name, item in app_variables().items()}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert settings.load()
    assert list(shops.load(all_platforms())) == ["shop"]


def test_every_process_is_a_command() -> None:
    """The Procfile, which the one-click form starts processes of, calls commands that exist."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    processes = dict(line.split(": ", 1) for line in lines)
    for command in processes.values():
        assert command.removeprefix("python -m webhook_app ").split()[0] in main.commands
    assert set(json.loads(APP_JSON.read_text(encoding="utf-8"))["formation"]) <= set(processes)


def test_the_changelog_has_the_version() -> None:
    """The version in pyproject.toml has its section in the changelog."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
