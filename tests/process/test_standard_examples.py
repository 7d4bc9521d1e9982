"""Every example in docs/standard.md, run as it stands there against a receiver that runs."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import requests

from schemas.events import Ignored
from tests.support import processes
from tests.support.service import Service
from webhook_app.openapi import texts
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (processes.ROOT / "docs/standard.md").read_text(encoding="utf-8")
STANDARD = all_platforms()["standard"]
SECRET = tomllib.loads((processes.ROOT / "shops.demo.toml").read_text())["shops"]["demo-standard"]["secrets"][0]
# printf 7012 | openssl dgst -sha256 -hmac demo-profile-salt -r
OF_CUSTOMER_7012 = "b2ea880e3871979fbc755991c8e43a621ea988eb7cf76c813ed00314ab29ed44"
VISITOR = "9f2c4be1a07d4c55"
REASON_OF_401 = r"(?:id|timestamp|signature)_[a-z_]+"
WRONG = "whsec_" + "QUFB" * 10
# How the tests run a language, and the Debian packages without which they cannot.
RUN: dict[str, tuple[list[str], str, dict[str, str]]] = {
    "python": ([sys.executable], ".py", {}),
    "js": (["node"], ".mjs", {"node": "nodejs"}),
    "php": (["php", "-d", "display_errors=stderr"], ".php", {"php": "php-cli"}),
    "sh": (["sh", "-eu"], ".sh", {"curl": "curl", "openssl": "openssl"}),
}
EXAMPLES = re.findall(r"^### ([^\n]+)\n(?:(?!^#).)*?^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

every_example = pytest.mark.parametrize(
    ("language", "text"), [one[1:] for one in EXAMPLES], ids=[one[0] for one in EXAMPLES]
)
# What each example sends, in the page's order, as Tweakwise gets it.
ARRIVES: list[tuple[str, dict[str, Any]]] = [
    ("search", {"SearchTerm": "blue mug", "ProfileKey": VISITOR}),
    ("purchase", {"ProductKeys": ["1001", "1002"], "ProfileKey": VISITOR, "Revenue": 49.85}),
    ("pageview", {"ProductKey": "1001", "ProfileKey": VISITOR}),
    ("purchase", {"ProductKeys": ["1001"], "ProfileKey": OF_CUSTOMER_7012, "Revenue": 19.95}),
    ("search", {"SearchTerm": "red shirt", "ProfileKey": VISITOR}),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Receiver, worker and a local Tweakwise, with the demo shops."""
    folder = tmp_path_factory.mktemp("examples")
    with Service(folder, f"sqlite:///{folder / 'inbox.db'}") as service:
        processes.migrate(service.env)
        service.start_all()
        yield service


def arrived(service: Service) -> list[tuple[str, dict[str, Any]]]:
    """What Tweakwise got, in order."""
    events = requests.get(f"{service.sandbox}/events", timeout=10).json()["events"]
    return [(event["event"], event["body"]) for event in events]


def run(language: str, text: str, service: Service, secret: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example as its reader would."""
    command, ending, packages = RUN[language]
    if missing := [package for program, package in packages.items() if not shutil.which(program)]:
        pytest.skip(f"needs {' and '.join(missing)}")
    example = folder / f"example{ending}"
    example.write_text(text, encoding="utf-8")
    url = f"{service.url}/webhooks/standard/demo-standard"
    env = {**service.env, "TWEAKWISE_WEBHOOK_URL": url, "TWEAKWISE_WEBHOOK_SECRET": secret}
    return subprocess.run([*command, example], env=env, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("language", "text", "event"),
    [(*one[1:], event) for one, event in zip(EXAMPLES, ARRIVES, strict=True)],
    ids=[one[0] for one in EXAMPLES],
)
def test_example_arrives_at_tweakwise(
    service: Service, tmp_path: Path, language: str, text: str, event: tuple[str, dict[str, Any]]
) -> None:
    """The example ends well, and Tweakwise gets what it sent."""
    ended = run(language, text, service, SECRET, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout.removeprefix("200 "))["status"] == "stored"
    processes.wait_for(lambda: event in arrived(service))


@every_example
def test_example_fails_aloud(service: Service, tmp_path: Path, language: str, text: str) -> None:
    """An example that is refused reports why, and ends as a failure."""
    ended = run(language, text, service, WRONG, tmp_path)
    assert ended.returncode != 0
    assert "signature_mismatch" in ended.stdout + ended.stderr


@pytest.mark.parametrize(("topic", "became"), [("pageview", "delivered"), ("addtocart", "switched_off")])
def test_sample_goes_all_the_way(service: Service, topic: str, became: str) -> None:
    """`send-sample` sends a message with a valid signature, and reports what became of it."""
    ended = processes.command("send-sample", "standard", topic, env=service.env)
    assert (ended.returncode, '200 {"status": "stored"' in ended.stdout) == (0, True), ended.stderr
    assert became in ended.stdout


def test_every_language_is_there() -> None:
    """The page has an example for each of these, and none that is not run."""
    assert [language for _, language, _ in EXAMPLES] == ["python", "python", "js", "php", "sh"]
    assert set(re.findall(r"^```(\w+)", PAGE, re.MULTILINE)) == {"json", *RUN}


def test_every_message_on_the_page_is_one() -> None:
    """The messages that the page shows are read, one of each type."""
    shown = [parse_json(text.encode()) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
    assert [message["type"] for message in shown] == [topic.name for topic in STANDARD.topics]
    for message in shown:
        assert not isinstance(STANDARD.translate(message["type"], message), Ignored)


def test_every_reason_is_on_the_page() -> None:
    """Every name that a 401 can have is explained, on this page and on the receiver's own."""
    tree = ast.parse((processes.ROOT / "webhook_app/signing/standard_webhooks.py").read_text(encoding="utf-8"))
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    named = {text for text in constants if isinstance(text, str) and re.fullmatch(REASON_OF_401, text)}
    assert named == set(texts.REASONS)
    assert not [reason for reason in texts.REASONS if f"`{reason}`" not in PAGE]


def test_every_answer_is_on_the_page() -> None:
    """Every status of the document is explained on the page."""
    answers = PAGE.split("## Answers\n", 1)[1]
    assert not [code for code in [*texts.ANSWERS, 405] if not re.search(rf"^\|[^|]*\b{code}\b", answers, re.MULTILINE)]
