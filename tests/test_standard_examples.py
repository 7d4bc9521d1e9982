"""Every example in docs/standard-webhooks.md, run as it stands there against a receiver that runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests import processes
from tests.recorded import as_toml, shop_keys
from webhook_app.inbox import Inbox
from webhook_app.openapi import words
from webhook_app.platforms import all_platforms
from webhook_app.translate import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (processes.ROOT / "docs/standard-webhooks.md").read_text(encoding="utf-8")
STANDARD = all_platforms()["standard"]
SHOP = shop_keys("standard")
WRONG = "whsec_" + "QUFB" * 10
# How the tests run a language, and the Debian package without which they cannot.
RUN = {
    "python": ([sys.executable], ".py", ""),
    "js": (["node"], ".mjs", "nodejs"),
    "php": (["php", "-d", "display_errors=stderr"], ".php", "php-cli"),
    "sh": (["sh", "-eu"], ".sh", "curl and openssl"),
}
EXAMPLES = re.findall(r"^### ([^\n]+)\n(?:(?!^#).)*?^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment that the examples ask for, and that of the receiver behind it."""
    folder, port = tmp_path_factory.mktemp("examples"), processes.free_port()
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{folder / 'inbox.db'}",
        SHOPS=as_toml("acme", SHOP),
        PORT=str(port),
        WEB_CONCURRENCY="1",
        TWEAKWISE_WEBHOOK_URL=f"http://127.0.0.1:{port}/webhooks/standard/acme",
        TWEAKWISE_WEBHOOK_SECRET=SHOP["secrets"][0],
    )
    assert processes.command("migrate", env=env).returncode == 0
    with processes.running("web", env=env, log=folder / "log", ready=f"http://127.0.0.1:{port}/readyz"):
        yield env


def run(language: str, text: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    command, ending, package = RUN[language]
    if not shutil.which(command[0]):
        pytest.skip(f"needs {package}")
    example = folder / f"example{ending}"
    example.write_text(text, encoding="utf-8")
    return subprocess.run([*command, example], env=env, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(("language", "text"), [one[1:] for one in EXAMPLES], ids=[one[0] for one in EXAMPLES])
def test_example_is_stored_and_understood(receiver: dict[str, str], tmp_path: Path, language: str, text: str) -> None:
    """The example ends well, and what it sent is a message of ours."""
    ended = run(language, text, receiver, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr
    answer = json.loads(re.sub("^200 ", "", ended.stdout))
    assert answer["status"] == "stored"
    with closing(Inbox(receiver["DATABASE_URL"])) as inbox:
        held = inbox.body(answer["id"])
    assert held is not None
    body: Any = parse_json(held[1])
    assert STANDARD.topic(body["type"])
    assert type(STANDARD.read(body["type"], body)).__name__.lower() == body["type"]


@pytest.mark.parametrize(("language", "text"), [one[1:] for one in EXAMPLES], ids=[one[0] for one in EXAMPLES])
def test_example_fails_aloud(receiver: dict[str, str], tmp_path: Path, language: str, text: str) -> None:
    """An example that is refused says why, and ends as a failure."""
    ended = run(language, text, {**receiver, "TWEAKWISE_WEBHOOK_SECRET": WRONG}, tmp_path)
    assert ended.returncode != 0
    assert "signature_mismatch" in ended.stdout + ended.stderr


def test_every_language_is_there() -> None:
    """The page has an example for each of these, and none that is not run."""
    assert [language for _, language, _ in EXAMPLES] == ["python", "python", "js", "php", "sh"]
    assert set(re.findall(r"^```(\w+)", PAGE, re.MULTILINE)) == {"json", *RUN}


def test_every_message_on_the_page_is_one() -> None:
    """The messages that the page shows are read, one of each type."""
    shown = [parse_json(text.encode()) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
    assert [message["type"] for message in shown] == [topic.name for topic in STANDARD.topics]
    for message in shown:
        assert type(STANDARD.read(message["type"], message)).__name__.lower() == message["type"]


def test_every_reason_is_on_the_page() -> None:
    """Every name that a 401 can have is explained, on this page and on the receiver's own."""
    source = (processes.ROOT / "webhook_app/standard_webhooks.py").read_text(encoding="utf-8")
    assert set(re.findall(r'"((?:id|timestamp|signature)_[a-z_]+)"', source)) == set(words.REASONS)
    assert not [reason for reason in words.REASONS if f"`{reason}`" not in PAGE]


def test_every_answer_is_on_the_page() -> None:
    """Every status of the document is explained on the page."""
    answers = PAGE.split("## Answers\n", 1)[1]
    assert not [code for code in [*words.ANSWERS, 405] if not re.search(rf"^\|[^|]*\b{code}\b", answers, re.MULTILINE)]
