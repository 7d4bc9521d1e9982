"""The documentation cannot lie: what it says of settings, commands, reasons and states is compared with the code."""

from __future__ import annotations

import ast
import json
import os
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schemas.events import Payment, Reason
from tests.support.tables import for_each
from webhook_app import __version__
from webhook_app.cli.commands import all_commands
from webhook_app.config import settings, shop_documents, shop_schema, shops
from webhook_app.delivery.causes import REASON_PREFIXES, TITLES, DeadReason, WaitingReason, cause_of
from webhook_app.errors import BadSignatureError
from webhook_app.health import checks
from webhook_app.inbox import TRANSITIONS
from webhook_app.openapi import texts
from webhook_app.platforms import all_platforms
from webhook_app.reasons import reason_title
from webhook_app.signing.hmac_schemes import BodyHmac
from webhook_app.signing.writings import writing_hint
from webhook_app.tweakwise import retry_policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import StrEnum

    from webhook_app.platforms.base import Platform

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
TROUBLESHOOTING = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
LOGS = (ROOT / "docs/logs.md").read_text(encoding="utf-8")
REASONS = (ROOT / "docs/reasons.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
APP_JSON = ROOT / "app.json"
LEAST_SHOP = '[shops.a]\nplatform = "shopify"\nsecrets = ["s"]\ninstance_key = "1234abcd"\n'

SETTINGS = [field.name.upper() for field in fields(settings.Settings)]
SHOPS = ["SHOPS", "SHOPS_FILE"]
OF_FILES = ["ENV_FILE"]
OPTIONS = sorted(
    {str(option.envvar) for command in all_commands().values() for option in command.params if option.envvar}
)
VARIABLES = [*SETTINGS, *SHOPS, *OF_FILES, *OPTIONS]

LOG_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCED = re.compile(r"^[ ]*```.*?^[ ]*```", re.MULTILINE | re.DOTALL)
QUOTED_HINTS = re.findall(r'^- \*"(.+?)"\*', TROUBLESHOOTING, re.MULTILINE)
DRAWN = re.compile(r"<!-- transitions -->\n(.*?)<!-- /transitions -->", re.DOTALL)


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """The table rows below a heading, by each name in code that stands in the first column."""
    section = text.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    cells = [[cell.strip() for cell in line.split("|")] for line in ROW.findall(section)]
    return {name: row for row in cells for name in CODE.findall(row[0])}


def default_of(name: str, heading: str) -> str | None:
    """What a table says is the default, None where it says none in code."""
    written = CODE.fullmatch(rows(CONFIGURATION, heading)[name][2])
    return written[1] if written else None


def diagram() -> str:
    """Draw TRANSITIONS as a mermaid state diagram."""
    ways = [f"    {way.source} --> {way.target}: {way.verb} ({way.about})" for way in TRANSITIONS]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> received: store", *ways, "```", ""])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def parsed(path: str | Path) -> Iterator[ast.Call]:
    """Every call in a module of the product."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def refusals(path: str) -> set[str]:
    """The constant reasons with which a module raises BadSignatureError."""
    calls = [call for call in parsed(path) if getattr(call.func, "id", "") == "BadSignatureError"]
    return {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)}


def logged() -> set[str]:
    """Every constant that is the first argument of a call of a logger's method, or follows the name of a level."""
    calls = [call for path in (ROOT / "webhook_app").rglob("*.py") for call in parsed(path) if call.args]
    events = [call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in LOG_LEVELS]
    events += [call.args[1] for call in calls if len(call.args) > 1 and ast.unparse(call.args[0])[1:-1] in LOG_LEVELS]
    return {str(event.value) for event in events if isinstance(event, ast.Constant)}


def chapter(name: str) -> str:
    """The page of a platform."""
    return (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")


def list_of_platforms(platforms: Iterable[Platform]) -> str:
    """The README's one line that lists the platforms."""
    listed = [
        f"[{one.title}](docs/{one.name}.md) (`{one.name}`)" for one in sorted(platforms, key=lambda one: one.title)
    ]
    return f"Platforms: {', '.join(listed)}."


def app_variables() -> dict[str, Any]:
    variables: dict[str, Any] = json.loads(APP_JSON.read_text(encoding="utf-8"))["env"]
    return variables


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which nothing is set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


class _Recorder(dict[str, str]):
    """An empty environment that remembers what was read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)


def test_the_variables_are_those_that_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Loading the configuration reads a variable for each field of Settings, those of the shops, and no other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / shop_documents.DEFAULT_FILE).write_text(LEAST_SHOP, encoding="utf-8")
    recorder = _Recorder()
    monkeypatch.setattr(os, "environ", recorder)
    settings.load()
    assert recorder.read == {*SETTINGS, *(f"{name}_FILE" for name in SETTINGS)}
    recorder.read.clear()
    shops.load(all_platforms())
    assert recorder.read == {*SHOPS, shop_documents.DEMO}  # the program sets the latter


@for_each("name", VARIABLES)
def test_every_variable_is_documented(name: str) -> None:
    """A variable that is read is in the table of settings."""
    assert name in rows(CONFIGURATION, "## Settings")


def test_every_documented_variable_is_read() -> None:
    """The table of settings has no variable that is not read."""
    assert set(rows(CONFIGURATION, "## Settings")) == set(VARIABLES)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_documented_default_is_the_real_one(
    name: str, monkeypatch: pytest.MonkeyPatch, no_variables: None
) -> None:
    """Setting a variable to its documented default changes nothing."""
    unset = settings.load()
    documented = default_of(name, "## Settings")
    if documented is None:
        assert (rows(CONFIGURATION, "## Settings")[name][2], getattr(unset, name.lower())) == ("none", None)
    monkeypatch.setenv(name, documented or "")
    assert settings.load() == unset


def test_the_documented_shops_file_is_the_real_one() -> None:
    """Without SHOPS and SHOPS_FILE the shops come from the documented file."""
    assert default_of("SHOPS_FILE", "## Settings") == shop_documents.DEFAULT_FILE


@for_each("name", [name for name, command in all_commands().items() if not command.hidden])
def test_every_command_is_documented(name: str) -> None:
    """A command is in the table of commands."""
    assert name in rows(COMMANDS, "## All commands")


def test_every_documented_command_exists() -> None:
    """A command that any page shows can be called."""
    shown = {name for page in PAGES for name in re.findall(r"-m webhook_app ([a-z][a-z-]*)", page.read_text("utf-8"))}
    assert shown <= set(all_commands())


def test_the_shop_keys_are_the_documented_ones() -> None:
    """The table of a shop's keys has every key and no other."""
    known = set(shop_schema.KEYS)
    assert set(rows(CONFIGURATION, "## Shops")) == known


def test_every_documented_shop_default_is_the_real_one() -> None:
    """Writing a shop's documented defaults out changes nothing."""
    documented = {
        name: default
        for name in rows(CONFIGURATION, "## Shops")
        if (default := default_of(name, "## Shops")) and name != "tweakwise_url"
    }
    written_bare = {"drop_fields", "require_consent", "extra_events", "renewals", "repeat_within", "test_orders"}
    assert set(documented) == {"product_key", "profile_attribute", "purchase_on", "timezone", *written_bare}
    written = {name: value if name in written_bare else json.dumps(value) for name, value in documented.items()}
    whole = LEAST_SHOP + "\n".join(f"{name} = {value}" for name, value in written.items())
    assert shops.parse(whole, "whole", all_platforms()) == shops.parse(LEAST_SHOP, "least", all_platforms())


def test_every_stage_of_payment_is_documented() -> None:
    """Each value of purchase_on is explained, and no other."""
    assert set(rows(CONFIGURATION, "### When an order counts")) == {stage.name.lower() for stage in Payment}


@for_each("reason", Reason)
def test_every_reason_to_ignore_is_documented(reason: Reason) -> None:
    """A reason for ignoring a delivery is explained, beside its title."""
    assert rows(REASONS, "## Ignored")[reason][0] == f"`{reason}`: {reason_title(reason)}"


def test_every_documented_reason_to_ignore_exists() -> None:
    """No reason is explained that is never given."""
    assert set(rows(REASONS, "## Ignored")) == set(Reason)


@pytest.mark.parametrize(("reasons", "section"), [(WaitingReason, "## Waiting"), (DeadReason, "## Dead")])
def test_every_reason_of_the_worker_is_documented(reasons: type[StrEnum], section: str) -> None:
    """A reason that the worker writes with a waiting or dead delivery is explained."""
    assert set(reasons) <= set(rows(REASONS, section))


def test_every_failure_of_a_call_is_documented() -> None:
    """A call's failures are explained as waiting, given up and parked."""
    names = {*retry_policy.UNSENT, *retry_policy.AMBIGUOUS, "http_<status>"}
    parked = {*retry_policy.AMBIGUOUS, *(f"http_{status}" for status in retry_policy.AMBIGUOUS_STATUS)}
    waiting, dead = rows(REASONS, "## Waiting"), rows(REASONS, "## Dead")
    assert names <= set(waiting)
    assert {f"gave_up_{name}" for name in names} | {f"parked_{name}" for name in parked} <= set(dead)


@for_each("name", rows(REASONS, "## Dead"))
def test_every_dead_reason_has_the_documented_cause(name: str) -> None:
    """The cause stands beside the reason of a dead delivery, in the words of the code."""
    cause = cause_of(name.replace("<status>", "503" if "gave_up" in name else "400"))
    assert cause
    assert rows(REASONS, "## Dead")[name][1] == TITLES[cause]


def test_no_reason_has_two_causes() -> None:
    """No prefix of one cause begins with a prefix of another."""
    beginnings = [beginning for several in REASON_PREFIXES.values() for beginning in several]
    assert not [(a, b) for a in beginnings for b in beginnings if a is not b and a.startswith(b)]


def test_every_refusal_is_documented() -> None:
    """The reason of a 401 is explained, and no reason that is never given."""
    modules = ("signing/hmac_schemes", "platforms/base", "web/storefront")
    given = {reason for module in modules for reason in refusals(f"webhook_app/{module}.py")}
    assert given
    given |= set(texts.REASONS)
    for proxy in (platform.proxy for platform in all_platforms().values() if platform.proxy):
        needed = (proxy.signature.signature_parameter, proxy.signature.timestamp_parameter, *proxy.signature.required)
        given |= {f"{name}_missing" for name in needed}
        given |= {f"{name}_repeated" for name in (*needed, *proxy.signature.single)}
    assert given == set(rows(TROUBLESHOOTING, "## The answer is 401"))


@pytest.mark.parametrize(
    ("written", "encoding", "secret"),
    [
        ("{0}", "base64", " a-secret"),
        ("{0}", "hex", "a-secret"),
        ("{0}", "base64", "another-secret"),
        ("{0},{0}", "base64", "a-secret"),
        ("sha256={0}", "hex", "a-secret"),
        ('"{0}"', "base64", "a-secret"),
    ],
)
def test_every_hint_is_quoted(written: str, encoding: str, secret: str) -> None:
    """The hints of a signature that does not match are explained by the words that the answer has."""
    signed = BodyHmac(("x-digest",), encoding="hex" if encoding == "hex" else "base64").sign(b"{}", "a-secret")
    with pytest.raises(BadSignatureError) as refused:
        BodyHmac(("x-digest",)).verify(b"{}", {"x-digest": written.format(signed["x-digest"])}, [secret])
    assert [words for words in QUOTED_HINTS if refused.value.hint.startswith(words)]


@pytest.mark.parametrize("text", ["-" * 43, "A" * 43, "A" * 42 + "_=", "0" * 64])
def test_hint_about_base64_is_quoted(text: str) -> None:
    """So are those about the alphabet and the padding of base64."""
    assert [words for words in QUOTED_HINTS if writing_hint(text, "base64").startswith(words)]


def test_the_diagram_is_drawn_from_the_transitions() -> None:
    """The states' diagram shows TRANSITIONS and nothing else."""
    drawn = DRAWN.search(ARCHITECTURE)
    assert drawn, "docs/architecture.md has lost its markers <!-- transitions --> and <!-- /transitions -->"
    assert drawn[1] == diagram(), f"Put this between the markers in docs/architecture.md:\n\n{diagram()}"


@for_each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
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


def test_the_readme_lists_every_platform() -> None:
    """The README's line of platforms has each with its page and its name, and no other."""
    line = list_of_platforms(all_platforms().values())
    assert line in README.splitlines(), f"Put this line into README.md, in place of the one that begins so:\n\n{line}"


@pytest.mark.parametrize("name", all_platforms())
def test_every_platform_has_a_page(name: str) -> None:
    """A platform's page is docs/<platform>.md, headed by its title, with steps from the secret to the first order."""
    assert chapter(name).startswith(f"# {all_platforms()[name].title}\n")
    assert re.search(r"^## (.+ )?[Ii]n five steps$", chapter(name), re.MULTILINE)


@pytest.mark.parametrize("name", all_platforms())
def test_every_topic_to_subscribe_to_is_documented(name: str) -> None:
    """A platform's page names the topics to subscribe to; a storefront's come by themselves."""
    for topic in all_platforms()[name].topics:
        if topic.storefront:
            continue
        words = topic.name.replace(".", " ").capitalize()
        assert topic.name in chapter(name) or words in chapter(name)


@for_each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_shop_in_an_example_is_read(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader may copy a page's TOML of shops unchanged."""
    blocks = re.findall(r"^( *)```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    examples = [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in blocks if "[shops." in text]
    for text in (text for text in examples if "platform" in text and "[shops.fixture]" not in text):
        for name in re.findall(r"\$\{(\w+)\}", text):
            monkeypatch.setenv(name, f"whsec_{'QUFB' * 10}")
        assert shops.parse(text, page.name, all_platforms())


def test_the_readme_shows_a_shop() -> None:
    """The README's example of a shop is among those that are read."""
    assert "```toml\n[shops." in README


@for_each("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_every_page_is_in_the_table_of_contents(page: Path) -> None:
    """The README leads to every page."""
    assert f"](docs/{page.name})" in README


def test_every_log_event_is_documented() -> None:
    """The page of logs has every event, and no other; the two of a settlement are chosen where it is logged."""
    assert logged() | {"delivery_settled", "lease_lost"} == set(rows(LOGS, "## Events"))


def test_every_decision_is_in_the_index() -> None:
    """The index lists each record of a decision by its date and its heading."""
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for record in sorted(folder.glob("2*.md")):
        heading = record.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        line = f"| {record.name[:10]} | [{heading}]({record.name}) |"
        assert line in index, f"Put this line into docs/decisions/README.md:\n{line}"


def test_every_package_is_described() -> None:
    """The table of packages has every package, and no other."""
    inits = [path.parent for path in (ROOT / "webhook_app").rglob("__init__.py") if path.parent.name != "migrations"]
    packages = {f"{path.relative_to(ROOT / 'webhook_app').as_posix()}/" for path in inits} - {"./", "dashboard/pages/"}
    assert set(rows(ARCHITECTURE, "## Packages")) == {"schemas/"} | packages


def test_every_health_check_is_described() -> None:
    """The table has every check, and whether a notifier reports it."""
    assert set(rows((ROOT / "docs/health.md").read_text(encoding="utf-8"), "## Checks")) == {
        check.name for check in checks.ALL
    }


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
        assert command.removeprefix("python -m webhook_app ").split()[0] in all_commands()
    assert set(json.loads(APP_JSON.read_text(encoding="utf-8"))["formation"]) <= set(processes)


def test_the_changelog_has_the_version() -> None:
    """The first section of the changelog is the version's, or is of what was not released yet."""
    heading = re.search(r"^## .+", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heading
    assert f"[{__version__}]" in heading[0] or "unreleased" in heading[0].lower()
