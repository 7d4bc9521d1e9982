"""The pages of hosts and their files: one structure, and commands and variables that exist."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from webhook_app.cli.commands import all_commands
from webhook_app.config.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/hosts").glob("*.md"))
INDEX = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
ROWS = ("| processes |", "| database |", "| files |", "| a deployment loses |")
VARIABLES = {*(name.upper() for name in Settings.__dataclass_fields__), "SHOPS", "SHOPS_FILE"}
OTHERS = {"PYTHON_VERSION", "ACME_SECRET", "ACME_PROFILE_SALT"}
USER = 10001


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_have_one_structure(page: Path) -> None:
    """Each answers the same questions, states what was verified, and is in the index."""
    text = page.read_text(encoding="utf-8")
    assert [row for row in ROWS if row in text] == [*ROWS]
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert (headings[0], headings[-1]) == ("Steps", "Verified")
    assert f"(hosts/{page.name})" in INDEX


def arguments_of(line: str) -> str:
    return line.removeprefix("python -m webhook_app ").split()[0]


def test_files_of_hosts_name_what_exists() -> None:
    """The commands, variables and paths of Render, Fly and Railway are the program's; each runs one machine."""
    [render] = yaml.safe_load((ROOT / "render.yaml").read_text())["services"]
    fly = tomllib.loads((ROOT / "fly.toml").read_text())
    railway, web, worker = (
        json.loads((ROOT / name).read_text())["deploy"]
        for name in ("railway.json", "deploy/railway/web.json", "deploy/railway/worker.json")
    )
    started = [arguments_of(one["startCommand"]) for one in (render, railway, web, worker)]
    assert (started, set(started) <= set(all_commands())) == (["run", "run", "web", "worker"], True)
    assert {one["key"] for one in render["envVars"]} | set(fly["env"]) <= VARIABLES | OTHERS
    assert {
        render["healthCheckPath"],
        railway["healthcheckPath"],
        web["healthcheckPath"],
        fly["http_service"]["checks"][0]["path"],
    } == {"/readyz"}
    assert render["disk"]["mountPath"] == fly["mounts"]["destination"] == "/data"
    assert (render["numInstances"], railway["numReplicas"], fly["http_service"]["auto_stop_machines"]) == (1, 1, "off")
    assert (fly["kill_signal"], fly["http_service"]["force_https"], "processes" in fly) == ("SIGTERM", False, False)
    assert render["envVars"][0]["value"].startswith((ROOT / ".python-version").read_text().strip())


def documents(name: str) -> list[dict[str, Any]]:
    return [*yaml.safe_load_all((ROOT / "deploy/kubernetes" / name).read_text())]


def test_pods_are_hardened_and_run_commands() -> None:
    """Every container has a command of the program, no privileges, and a root that cannot be written."""
    seen = []
    for one in [*documents("postgres.yaml"), *documents("sqlite.yaml")]:
        if (template := one["spec"].get("template")) is None:
            continue
        pod = template["spec"]
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (USER, True)
        assert pod["enableServiceLinks"] is False  # else METRICS_PORT, SANDBOX_PORT and the like are set by Services
        assert one["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["args"][0] in all_commands()
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            seen.append(container["args"][0])
    assert seen == ["migrate", "web", "worker", "run"]
    assert f"USER {USER}:{USER}" in (ROOT / "Dockerfile").read_text()


def test_the_image_leaves_the_choice_of_shops() -> None:
    """SHOPS and SHOPS_FILE exclude each other, so the image sets neither; its default file is the mounted one."""
    text = (ROOT / "Dockerfile").read_text()
    assert "SHOPS_FILE=" not in text
    assert "ln -s /config/shops.toml shops.toml" in text
    assert " PYTHONPATH=/app " in text  # `fly ssh console` and the like start elsewhere than in WORKDIR


def test_compose_mounts_the_folder_of_the_shops() -> None:
    """An editor replaces a file, and a mounted one stays the old; the first start of PostgreSQL has no port."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    own = [one for name, one in services.items() if name != "postgres"]
    assert len(own) == 4
    assert all("./config:/config:ro" in one["volumes"] for one in own)
    assert {one["command"][0] for one in own if "command" in one} <= set(all_commands())
    assert "pg_isready -h 127.0.0.1 " in services["postgres"]["healthcheck"]["test"][1]
